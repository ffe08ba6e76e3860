import { fromOnnxType } from '@xpu-hal/core/backend'

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

export function elementTypeName(type: number): string {
  return fromOnnxType(type) ?? foreignTypes.get(type) ?? `element type ${type}`
}
