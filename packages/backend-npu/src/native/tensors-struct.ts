/** `tensors_struct` on LP64: six members of eight bytes, in this order. */
export const Member = { count: 0, names: 1, dataTypes: 2, ranks: 3, shapes: 4, data: 5 } as const
export const STRUCT_BYTES = 48

/** A list on shared memory, whose address does not change while native code writes to it. */
export function words(count: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(Math.max(1, count) * 8))
}

export function bytesOf(list: ArrayBufferView): Uint8Array {
  return new Uint8Array(list.buffer, list.byteOffset, list.byteLength)
}
