import koffi from 'koffi'
import { numberOf, type OrtApi, type Pointer, resultOf } from './api.js'

/** Copies strings into a string tensor of as many elements. Returns the bytes copied. */
export function fillStrings(api: OrtApi, value: Pointer, strings: readonly string[]): number {
  if (strings.length === 0) return 0
  const encoded = Buffer.from(`${strings.join('\0')}\0`)
  const base = koffi.address(encoded)
  const pointers = new BigUint64Array(new SharedArrayBuffer(strings.length * 8))
  const withNul: [index: number, bytes: Buffer][] = []
  let offset = 0
  for (const [index, text] of strings.entries()) {
    pointers[index] = base + BigInt(offset)
    const length = Buffer.byteLength(text)
    if (text.includes('\0')) withNul.push([index, encoded.subarray(offset, offset + length)])
    offset += length + 1
  }
  api.FillStringTensor(value, pointers, strings.length)
  // FillStringTensor stops at a NUL; these strings are written once more, with their length.
  for (const [index, bytes] of withNul) {
    const place = resultOf(api.GetResizedStringTensorElementBuffer, value, index, bytes.length)
    bytes.copy(new Uint8Array(koffi.view(place, bytes.length)))
  }
  return encoded.length - strings.length
}

/** Copies the strings of a string tensor of `count` elements. */
export function readStrings(
  api: OrtApi,
  value: Pointer,
  count: number,
): { strings: string[]; bytesCopied: number } {
  if (count === 0) return { strings: [], bytesCopied: 0 }
  const length = numberOf(api.GetStringTensorDataLength, value)
  // One byte more than needed: an empty buffer has no address.
  const bytes = Buffer.alloc(length + 1)
  const starts = new BigUint64Array(new SharedArrayBuffer(count * 8))
  api.GetStringTensorContent(value, bytes, length, starts, count)
  const strings = Array.from(starts, (start, index) =>
    bytes.toString('utf8', Number(start), Number(starts[index + 1] ?? length)),
  )
  return { strings, bytesCopied: length }
}
