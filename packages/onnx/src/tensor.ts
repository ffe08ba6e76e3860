import { bytesPerElement, type DataType, elementCount, HalError, type Tensor } from '@xpu-hal/core'
import {
  fromOnnxType,
  type NumericData,
  type NumericDataType,
  ONNX_TYPES,
  viewData,
} from '@xpu-hal/core/backend'
import { type Int64, type TensorProto, toBigInt } from './proto.js'

const utf8 = new TextDecoder()

export function dataTypeNumber(dataType: DataType): number {
  const number = ONNX_TYPES[dataType]
  if (number === undefined) {
    throw new HalError('HAL_INVALID_ARGUMENT', `unknown data type ${String(dataType)}`)
  }
  return number
}

export function dataTypeOf(number: number, of: string): DataType {
  const name = fromOnnxType(number)
  if (name === undefined) {
    throw new HalError('HAL_UNIMPLEMENTED', `${of} has the ONNX data type ${number}, which is not supported`)
  }
  return name
}

/** Refers to the elements where it can; they are copied once, when the file is written. */
export function encodeTensor(name: string, tensor: Tensor): TensorProto {
  const { dataType, shape, data } = tensor
  const count = elementCount(shape)
  if (data.length !== count) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `tensor "${name}" of shape [${shape.join(', ')}] has ${data.length} elements instead of ${count}`,
    )
  }
  const proto: TensorProto = { dims: [...shape], dataType: dataTypeNumber(dataType), name }
  if (dataType === 'string') {
    proto.stringData = Array.from(data as string[], (text) => Buffer.from(text))
  } else {
    const { buffer, byteOffset, byteLength } = data as NumericData
    proto.rawData = new Uint8Array(buffer, byteOffset, byteLength)
  }
  return proto
}

/** The elements are copied to a SharedArrayBuffer, because in the file they are not aligned. */
export function decodeTensor(proto: TensorProto, of: string): Tensor {
  if (proto.dataLocation === 1) {
    throw new HalError(
      'HAL_UNIMPLEMENTED',
      `${of} lies in a file beside the model, which is not supported: save the model with its weights inside`,
    )
  }
  const dataType = dataTypeOf(proto.dataType ?? 0, of)
  const shape = (proto.dims ?? []).map(Number)
  const count = elementCount(shape)
  const fail = (found: number, unit: string) =>
    new HalError(
      'HAL_INVALID_ARGUMENT',
      `damaged model: ${of} is ${dataType} [${shape.join(', ')}], but has ${found} ${unit}`,
    )
  if (dataType === 'string') {
    const data = (proto.stringData ?? []).map((bytes) => utf8.decode(bytes))
    if (data.length !== count) throw fail(data.length, 'elements')
    return { dataType, shape, data }
  }
  const raw = proto.rawData
  if (raw !== undefined && raw.length > 0) {
    if (raw.length !== (count ?? -1) * bytesPerElement(dataType)) throw fail(raw.length, 'bytes')
    const buffer = new SharedArrayBuffer(raw.length)
    new Uint8Array(buffer).set(raw)
    return { dataType, shape, data: viewData(dataType, buffer, 0, count ?? 0) }
  }
  const values = typedField(proto, dataType)
  if (values.length !== count) throw fail(values.length, 'elements')
  return { dataType, shape, data: dataFrom(values, dataType) }
}

/** The field that holds the elements of each type where `raw_data` does not. */
function typedField(proto: TensorProto, dataType: NumericDataType): readonly Int64[] {
  switch (dataType) {
    case 'float32':
      return proto.floatData ?? []
    case 'float64':
      return proto.doubleData ?? []
    case 'int64':
      return proto.int64Data ?? []
    case 'uint32':
    case 'uint64':
      return proto.uint64Data ?? []
    default:
      return proto.int32Data ?? []
  }
}

function dataFrom(values: readonly Int64[], dataType: NumericDataType): NumericData {
  const buffer = new SharedArrayBuffer(values.length * bytesPerElement(dataType))
  const data = viewData(dataType, buffer, 0, values.length)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    data.set(values.map(toBigInt)) // Wraps, so that a uint64 read as negative comes out right.
  } else if (dataType === 'float16') {
    new Uint16Array(buffer).set(values.map(Number)) // Bits, also where the platform has a Float16Array.
  } else {
    data.set(values.map(Number))
  }
  return data
}
