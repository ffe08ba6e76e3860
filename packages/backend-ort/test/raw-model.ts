/** ONNX files with types that the encoder of @xpu-hal/onnx does not write; field numbers are those of onnx.proto. */

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]

const number = (field: number, value: number): number[] => [field * 8, ...varint(value)]

function message(field: number, ...parts: (number[] | string)[]): number[] {
  const bytes = parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : part))
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes]
}

/** A `TypeProto`: a tensor of that element type, without a shape when none is given. */
export function rawTensor(elementType: number, shape?: readonly number[]): number[] {
  const dimensions = shape?.map((size) => message(1, number(1, size))) ?? []
  return message(1, number(1, elementType), shape === undefined ? [] : message(2, ...dimensions))
}

/** A `TypeProto`: a sequence of float tensors. */
export const rawSequence = message(4, message(1, rawTensor(1)))

/** One node from x to y, whose types are given. */
export function rawModel(op: string, x: number[], y: number[]): Uint8Array {
  const node = message(1, message(1, 'x'), message(2, 'y'), message(4, op))
  const input = message(11, message(1, 'x'), message(2, x))
  const output = message(12, message(1, 'y'), message(2, y))
  const graph = message(7, node, message(2, 'test'), input, output)
  return Uint8Array.from([...number(1, 8), ...graph, ...message(8, number(2, 17))])
}
