import type { DataType } from './tensor.js'

/** The number of each data type in ONNX files (`TensorProto.DataType`), in ONNX Runtime's C API and in OAAX. */
export const ONNX_TYPES: Readonly<Record<DataType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
}

const byNumber = new Map((Object.keys(ONNX_TYPES) as DataType[]).map((type) => [ONNX_TYPES[type], type]))

/** `undefined` for a number that stands for no data type of the HAL. */
export function fromOnnxType(number: number): DataType | undefined {
  return byNumber.get(number)
}
