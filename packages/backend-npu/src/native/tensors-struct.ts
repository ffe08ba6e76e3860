import { HalError, ONNX_TYPES, type Tensor } from '@xpu-hal/core/backend'

/** `tensors_struct` on LP64: six members of eight bytes, in this order. */
export const Member = { count: 0, names: 1, dataTypes: 2, ranks: 3, shapes: 4, data: 5 } as const
export const STRUCT_WORDS = 6
export const STRUCT_BYTES = 8 * STRUCT_WORDS

/** A list on shared memory, whose address does not change while native code writes to it. */
export function words(count: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(Math.max(1, count) * 8))
}

export function bytesOf(list: ArrayBufferView): Uint8Array {
  return new Uint8Array(list.buffer, list.byteOffset, list.byteLength)
}

/** The interface's number of a tensor's element type. @throws HalError HAL_UNIMPLEMENTED for strings */
export function numberOfType({ dataType }: Tensor, name: string): number {
  if (dataType !== 'string') return ONNX_TYPES[dataType]
  throw new HalError(
    'HAL_UNIMPLEMENTED',
    `input ${name} holds strings, which OAAX has no form for; give it numbers`,
  )
}
