import { DATA_TYPES, type DataType, type NumericDataType } from '@xpu-hal/core/backend'

/** `tensor_data_type` of the OAAX specification for each of our data types: the numbers of ONNX. */
const numbers: Readonly<Record<DataType, number>> = {
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

/** What a runtime can be given. The specification does not say how strings lie in memory. */
export const NUMERIC_TYPES = DATA_TYPES.filter((type): type is NumericDataType => type !== 'string')

const byNumber = new Map(NUMERIC_TYPES.map((type) => [numbers[type], type]))

export function typeNumber(dataType: NumericDataType): number {
  return numbers[dataType]
}

/** `undefined` for a number that stands for no type of numbers that the HAL has. */
export function numericType(number: number): NumericDataType | undefined {
  return byNumber.get(number)
}
