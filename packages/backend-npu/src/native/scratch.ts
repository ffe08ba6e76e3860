import koffi from 'koffi'
import type { Pointer } from './calls.js'
import { copyTo } from './libc.js'

/** Room for the five lists of 4,096 tensors, a name and a shape. */
const BYTES = 2 ** 18

const buffer = new SharedArrayBuffer(BYTES)
const address = koffi.address(new Uint8Array(buffer))
let used = 0

/** What was read, as words of eight bytes and of four, and as bytes. For this thread, until the next `rewind`. */
export const words = new BigUint64Array(buffer)
export const integers = new Int32Array(buffer)
export const bytes = Buffer.from(buffer)

/** Forgets everything that was read. */
export function rewind(): void {
  used = 0
}

/** Copies native memory, and gives where it begins in `bytes`, a multiple of eight. */
export function read(from: Pointer, length: number): number {
  const start = used
  used = Math.ceil((start + length) / 8) * 8
  if (used > BYTES) throw new RangeError(`${used} bytes of lists are more than there is room for`)
  if (length > 0) copyTo(address + BigInt(start), from, length)
  return start
}

/** Calls `use` with where the memory begins in `bytes`; the room is free again afterwards. */
export function reading<T>(from: Pointer, length: number, use: (start: number) => T): T {
  const before = used
  try {
    return use(read(from, length))
  } finally {
    used = before
  }
}
