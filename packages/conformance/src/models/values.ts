import { type DataType, type Tensor, tensor } from '@xpu-hal/core'

const half = [0x0000, 0x8000, 0x3c00, 0x7bff, 0x0001, 0x7c00, 0xfe01, 0x7c01]
const halfBits = new Uint16Array(new SharedArrayBuffer(2 * half.length))
halfBits.set(half)

/** A signalling NaN in both widths: arithmetic would make it quiet, moving it does not. */
const floats = new Float32Array(new SharedArrayBuffer(32))
floats.set([0, -0, 1 / 3, 3.4028234663852886e38, 1.401298464324817e-45, Number.POSITIVE_INFINITY, -1.5])
new Uint32Array(floats.buffer)[7] = 0x7f800001
const doubles = new Float64Array(new SharedArrayBuffer(64))
doubles.set([0, -0, 1 / 3, Number.MAX_VALUE, Number.MIN_VALUE, Number.NEGATIVE_INFINITY, -1.5])
new BigUint64Array(doubles.buffer)[7] = 0x7ff0000000000001n

/** Eight elements of each type: the ends of its range, and what a detour over another type would change. */
const eight: { readonly [T in DataType]: Tensor<T> } = {
  float32: tensor('float32', [8], floats),
  float64: tensor('float64', [8], doubles),
  float16: { dataType: 'float16', shape: [8], data: halfBits },
  int8: tensor('int8', [8], [0, 1, -1, 127, -128, 100, -100, 7]),
  int16: tensor('int16', [8], [0, 1, -1, 32767, -32768, 256, -257, 7]),
  int32: tensor('int32', [8], [0, 1, -1, 2147483647, -2147483648, 16777217, 65536, 7]),
  int64: tensor('int64', [8], [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 4294967296n, 7n]),
  uint8: tensor('uint8', [8], [0, 1, 2, 255, 128, 127, 100, 7]),
  uint16: tensor('uint16', [8], [0, 1, 2, 65535, 32768, 256, 257, 7]),
  uint32: tensor('uint32', [8], [0, 1, 2, 4294967295, 2147483648, 16777217, 65536, 7]),
  uint64: tensor('uint64', [8], [0n, 1n, 2n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 53n + 1n, 4294967296n, 7n]),
  bool: tensor('bool', [8], [0, 1, 1, 0, 1, 0, 0, 1]),
  string: tensor('string', [8], ['', 'plain', 'a b\tc\n', 'é', 'e\u0301', '日本語', '😀', 'x'.repeat(1000)]),
}

/** The eight elements of a type, rotated by `seed`. */
export function extremes(dataType: DataType, seed: number): Tensor {
  const source = eight[dataType]
  if (seed % 8 === 0) return source
  if (source.dataType === 'string') {
    return tensor('string', [8], [
      ...source.data.slice(seed % 8),
      ...source.data.slice(0, seed % 8),
    ] as string[])
  }
  const rotated = tensor(dataType, [8])
  const from = bytesOf(source)
  const width = from.length / 8
  const at = (seed % 8) * width
  bytesOf(rotated).set([...from.subarray(at), ...from.subarray(0, at)])
  return rotated
}

/** The memory of a numeric tensor, byte by byte. */
export function bytesOf({ data }: Tensor): Uint8Array {
  if (Array.isArray(data)) throw new TypeError('a tensor of strings has no bytes')
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** A float32 tensor of that shape whose elements are whole numbers that depend on `seed`. */
export function ramp(shape: readonly number[], seed: number): Tensor<'float32'> {
  const made = tensor('float32', shape)
  for (let i = 0; i < made.data.length; i++) made.data[i] = seed + (i % 1024)
  return made
}
