import { fromOnnxType, HalError, MAX_RANK, type TensorInfo } from '@xpu-hal/core/backend'
import koffi from 'koffi'
import { elementTypeName } from '../data-types.js'
import { numberOf, type OrtApi, type Pointer, resultOf } from './api.js'

/** `ONNXType` of onnxruntime_c_api.h, by number. */
const VALUE_KINDS = ['unknown', 'tensor', 'sequence', 'map', 'opaque', 'sparse tensor', 'optional']
const TENSOR = 1

export type Direction = 'Input' | 'Output'

/**
 * The inputs or outputs of a session, in its order. Symbolic dimensions are -1.
 * @throws HalError HAL_UNIMPLEMENTED for one that is not a tensor of a data type of the HAL.
 */
export function sessionTensors(api: OrtApi, session: Pointer, direction: Direction): TensorInfo[] {
  const count = numberOf(api[`SessionGet${direction}Count`], session)
  return Array.from({ length: count }, (_, index) => {
    const name = tensorName(api, session, direction, index)
    const info = resultOf(api[`SessionGet${direction}TypeInfo`], session, index)
    try {
      return { name, ...tensorType(api, info, direction, name) }
    } finally {
      api.ReleaseTypeInfo(info)
    }
  })
}

function tensorName(api: OrtApi, session: Pointer, direction: Direction, index: number): string {
  const allocator = resultOf(api.GetAllocatorWithDefaultOptions)
  const text = resultOf(api[`SessionGet${direction}Name`], session, index, allocator)
  try {
    return koffi.decode.string(text)
  } finally {
    api.AllocatorFree(allocator, text)
  }
}

function tensorType(
  api: OrtApi,
  info: Pointer,
  direction: Direction,
  name: string,
): Omit<TensorInfo, 'name'> {
  const of = `${direction.toLowerCase()} ${name}`
  const kind = numberOf(api.GetOnnxTypeFromTypeInfo, info)
  if (kind !== TENSOR) {
    const what = VALUE_KINDS[kind] ?? `value of kind ${kind}`
    throw new HalError(
      'HAL_UNIMPLEMENTED',
      `${of} is a ${what}; only tensors are supported, change the model`,
    )
  }
  // Owned by `info`.
  const tensor = resultOf(api.CastTypeInfoToTensorInfo, info)
  // An output without a rank reads like a scalar; the runner finds out. Callers cannot be asked for such an input.
  if (direction === 'Input' && !api.hasShape(tensor)) {
    throw new HalError(
      'HAL_UNIMPLEMENTED',
      `${of} has no rank; give it a shape in the model, with named dimensions where they vary`,
    )
  }
  return typeAndShape(api, tensor, of)
}

/** Data type and shape from an `OrtTensorTypeAndShapeInfo`, which the caller owns. */
export function typeAndShape(api: OrtApi, info: Pointer, of: string): Omit<TensorInfo, 'name'> {
  const type = numberOf(api.GetTensorElementType, info)
  const dataType = fromOnnxType(type)
  if (dataType === undefined) {
    throw new HalError(
      'HAL_UNIMPLEMENTED',
      `${of} holds ${elementTypeName(type)}, which the HAL has no data type for`,
    )
  }
  const rank = numberOf(api.GetDimensionsCount, info)
  if (rank > MAX_RANK) {
    throw new HalError('HAL_UNIMPLEMENTED', `${of} has rank ${rank}; the limit is ${MAX_RANK}`)
  }
  const dimensions = new BigInt64Array(new SharedArrayBuffer(MAX_RANK * 8))
  api.GetDimensions(info, dimensions, rank)
  return { dataType, shape: Array.from(dimensions.subarray(0, rank), Number) }
}
