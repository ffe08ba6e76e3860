import { types } from 'node:util'
import { HalError } from './errors.js'
import { fill } from './tensor-fill.js'

// Float16Array came to JavaScript in 2025; where the types or the platform lack it, float16 is a Uint16Array.
type PlatformFloat16Array = typeof globalThis extends { Float16Array: { prototype: infer T } }
  ? T
  : Uint16Array

/** The JavaScript array that holds the elements of each data type. A bool is one byte, 0 or 1. */
export interface TensorDataMap {
  float32: Float32Array
  float64: Float64Array
  /** Raw half-precision bits in a Uint16Array, or a Float16Array where the platform has it. */
  float16: Uint16Array | PlatformFloat16Array
  int8: Int8Array
  int16: Int16Array
  int32: Int32Array
  int64: BigInt64Array
  uint8: Uint8Array
  uint16: Uint16Array
  uint32: Uint32Array
  uint64: BigUint64Array
  bool: Uint8Array
  /** Strings cannot lie in shared memory: they are copied wherever they cross to a runtime. */
  string: string[]
}

export type DataType = keyof TensorDataMap
export type TensorData = TensorDataMap[DataType]
export type NumericDataType = Exclude<DataType, 'string'>
/** Any typed array that can hold tensor elements. */
export type NumericData = TensorDataMap[NumericDataType]

/**
 * A value of fixed type and shape, row-major. A plain object: any object with these three members is a tensor.
 * `shape` `[]` is a scalar; a dimension of 0 makes it empty. `data` holds exactly the product of `shape` elements.
 * On a SharedArrayBuffer (as {@link tensor} and `engine.allocate` make it) it reaches worker threads and native
 * code without a copy.
 */
export interface Tensor<T extends DataType = DataType> {
  readonly dataType: T
  readonly shape: readonly number[]
  readonly data: TensorDataMap[T]
}

/** The highest number of dimensions a tensor may have. */
export const MAX_RANK = 8

interface NumericArrayConstructor {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): NumericData
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericData
}

const platformFloat16 = (globalThis as { Float16Array?: NumericArrayConstructor }).Float16Array

const constructors: Readonly<Record<NumericDataType, NumericArrayConstructor>> = {
  float32: Float32Array as NumericArrayConstructor,
  float64: Float64Array as NumericArrayConstructor,
  float16: platformFloat16 ?? (Uint16Array as NumericArrayConstructor),
  int8: Int8Array as NumericArrayConstructor,
  int16: Int16Array as NumericArrayConstructor,
  int32: Int32Array as NumericArrayConstructor,
  int64: BigInt64Array as NumericArrayConstructor,
  uint8: Uint8Array as NumericArrayConstructor,
  uint16: Uint16Array as NumericArrayConstructor,
  uint32: Uint32Array as NumericArrayConstructor,
  uint64: BigUint64Array as NumericArrayConstructor,
  bool: Uint8Array as NumericArrayConstructor,
}

/** Name of the kind of a typed array of whatever realm; `undefined` for anything else. Nobody can fake it. */
const arrayKind = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined

/** All data types, in a fixed order. */
export const DATA_TYPES: readonly DataType[] = [...(Object.keys(constructors) as NumericDataType[]), 'string']

export function isDataType(value: unknown): value is DataType {
  return typeof value === 'string' && (value === 'string' || Object.hasOwn(constructors, value))
}

/** Bytes of one element; 0 for string, whose elements have no fixed size. */
export function bytesPerElement(dataType: DataType): number {
  return dataType === 'string' ? 0 : constructors[dataType].BYTES_PER_ELEMENT
}

/** Number of elements of a shape; `undefined` when a dimension is unknown (-1). */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1
  for (const dimension of shape) {
    if (dimension < 0) return undefined
    count *= dimension
  }
  return count
}

/** Bytes of a tensor of this type and shape; `undefined` when unknown (a dimension of -1, or strings). */
export function byteLength(dataType: DataType, shape: readonly number[]): number | undefined {
  const count = elementCount(shape)
  return count === undefined || dataType === 'string' ? undefined : count * bytesPerElement(dataType)
}

/** A typed array of the right kind over part of a buffer. `byteOffset` must be a multiple of the element size. */
export function viewData(
  dataType: NumericDataType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): NumericData {
  return new constructors[dataType](buffer, byteOffset, length)
}

/** True when `data` is the kind of array that holds elements of `dataType`. */
export function holdsDataType(data: unknown, dataType: DataType): data is TensorData {
  if (dataType === 'string') return Array.isArray(data)
  // By name, not by instanceof: test runners and vm contexts have constructors of their own.
  const kind = arrayKind.call(data)
  return kind === constructors[dataType].name || (dataType === 'float16' && kind === 'Uint16Array')
}

/** Throws HAL_INVALID_ARGUMENT unless `shape` is a list of at most 8 whole numbers, none negative. */
export function checkShape(shape: unknown, of: string): asserts shape is readonly number[] {
  const fault = shapeFault(shape)
  if (fault !== undefined) throw new HalError('HAL_INVALID_ARGUMENT', `shape of ${of}: ${fault}`)
}

function shapeFault(shape: unknown): string | undefined {
  if (!Array.isArray(shape)) return `expected an array of dimensions, got ${typeof shape}`
  if (shape.length > MAX_RANK) return `rank ${shape.length} is above the limit of ${MAX_RANK}`
  // By index, because forEach and find pass over the holes of a sparse array.
  for (let i = 0; i < shape.length; i++) {
    const dimension: unknown = shape[i]
    if (!Number.isSafeInteger(dimension) || (dimension as number) < 0) {
      return `dimension ${i} is ${String(dimension)}; dimensions are whole numbers from 0`
    }
  }
  if (!Number.isSafeInteger(elementCount(shape))) return `[${shape.join(', ')}] has too many elements`
  return undefined
}

/**
 * Makes a tensor. Without `data` it is zeros (empty strings) on a new SharedArrayBuffer. Typed arrays that lie on a
 * SharedArrayBuffer are taken as they are, without a copy; other arrays are copied onto a new one.
 * @throws HalError HAL_INVALID_ARGUMENT when type, shape and data do not fit together.
 */
export function tensor<T extends DataType>(
  dataType: T,
  shape: readonly number[],
  data?: TensorDataMap[T] | readonly number[] | readonly bigint[] | readonly boolean[] | readonly string[],
): Tensor<T> {
  if (!isDataType(dataType))
    throw new HalError('HAL_INVALID_ARGUMENT', `unknown data type ${String(dataType)}`)
  checkShape(shape, `${dataType} tensor`)
  const count = elementCount(shape) as number
  if (data !== undefined && data.length !== count) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `a ${dataType} tensor of shape [${shape.join(', ')}] holds ${count} elements, but the data has ${data.length}`,
    )
  }
  return { dataType, shape: [...shape], data: dataFor(dataType, count, data) as TensorDataMap[T] }
}

function dataFor(dataType: DataType, count: number, data: ArrayLike<unknown> | undefined): TensorData {
  if (dataType === 'string') {
    if (data === undefined) return new Array<string>(count).fill('')
    return Array.from(data, (value, i) => {
      if (typeof value === 'string') return value
      throw new HalError('HAL_INVALID_ARGUMENT', `element ${i} is ${String(value)}, not a string`)
    })
  }
  if (data === undefined) return sharedData(dataType, count)
  if (!ArrayBuffer.isView(data)) {
    const filled = sharedData(dataType, count)
    fill(filled, data, dataType)
    return filled
  }
  if (!holdsDataType(data, dataType)) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `a ${dataType} tensor does not take a ${data.constructor.name}`,
    )
  }
  const given = data as NumericData
  if (types.isSharedArrayBuffer(given.buffer)) return given
  const copy = sharedData(dataType, count)
  // As bytes, because a float16 may come as raw bits where the platform has a Float16Array.
  new Uint8Array(copy.buffer).set(new Uint8Array(given.buffer, given.byteOffset, given.byteLength))
  return copy
}

function sharedData(dataType: NumericDataType, count: number): NumericData {
  const bytes = count * bytesPerElement(dataType)
  try {
    return viewData(dataType, new SharedArrayBuffer(bytes), 0, count)
  } catch (cause) {
    throw new HalError('HAL_RESOURCE_EXHAUSTED', `there is no memory for a tensor of ${bytes} bytes`, {
      cause,
    })
  }
}
