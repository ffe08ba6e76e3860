import type { DataType } from '@xpu-hal/core/backend'

/** `ONNXTensorElementDataType` of onnxruntime_c_api.h for each of our data types. */
const elementTypes: Readonly<Record<DataType, number>> = {
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

const dataTypes = new Map<number, DataType>(
  (Object.keys(elementTypes) as DataType[]).map((dataType) => [elementTypes[dataType], dataType]),
)

/** Element types of ONNX that no tensor of the HAL can hold. */
const foreignTypes = new Map([
  [14, 'complex64'],
  [15, 'complex128'],
  [16, 'bfloat16'],
  [17, 'float8e4m3fn'],
  [18, 'float8e4m3fnuz'],
  [19, 'float8e5m2'],
  [20, 'float8e5m2fnuz'],
  [21, 'uint4'],
  [22, 'int4'],
  [23, 'float4e2m1'],
])

export function elementType(dataType: DataType): number {
  return elementTypes[dataType]
}

/** `undefined` for an element type that the HAL does not have; {@link elementTypeName} names it. */
export function dataTypeOf(type: number): DataType | undefined {
  return dataTypes.get(type)
}

export function elementTypeName(type: number): string {
  return dataTypes.get(type) ?? foreignTypes.get(type) ?? `element type ${type}`
}
