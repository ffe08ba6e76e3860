import { DATA_TYPES, fromOnnxType, type NumericDataType } from '@xpu-hal/core/backend'

/** What a runtime can be given. The specification does not say how strings lie in memory. */
export const NUMERIC_TYPES = DATA_TYPES.filter((type): type is NumericDataType => type !== 'string')

/** `undefined` for a `tensor_data_type` that stands for no type of numbers that the HAL has. */
export function numericType(number: number): NumericDataType | undefined {
  const dataType = fromOnnxType(number)
  return dataType === 'string' ? undefined : dataType
}
