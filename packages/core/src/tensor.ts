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
  // What a proxy says may be something else the next time, and it cannot be sent to another thread.
  if (dataType === 'string') return Array.isArray(data) && !types.isProxy(data)
  // By name, not by instanceof: test runners and vm contexts have constructors of their own.
  const kind = arrayKind.call(data)
  return kind === constructors[dataType].name || (dataType === 'float16' && kind === 'Uint16Array')
}

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const slots = ['buffer', 'byteOffset', 'byteLength', 'length'] as const

/** What a member of a typed array really is, whatever a subclass or the object itself says. */
function slot(data: NumericData, name: (typeof slots)[number]): unknown {
  return Object.getOwnPropertyDescriptor(typedArray, name)?.get?.call(data)
}

/**
 * The array itself, or a plain one over the same memory where the one given has members of its own that tell lies:
 * native code takes the length for granted.
 */
export function plainData<T extends TensorData>(data: T, dataType: DataType): T {
  if (dataType === 'string' || Array.isArray(data)) return data
  const given = data as NumericData
  const prototype: unknown = Object.getPrototypeOf(given)
  const builtIn = prototype === constructors[dataType].prototype || prototype === Uint16Array.prototype
  if (builtIn && !slots.some((name) => Object.hasOwn(given, name))) return data
  const [buffer, byteOffset, , length] = slots.map((name) => slot(given, name))
  const make = arrayKind.call(given) === 'Uint16Array' ? constructors.uint16 : constructors[dataType]
  return new make(buffer as ArrayBufferLike, byteOffset as number, length as number) as T
}

/** Throws HAL_INVALID_ARGUMENT unless `shape` is a list of at most 8 whole numbers, none negative. */
export function checkShape(shape: unknown, of: string): asserts shape is readonly number[] {
  copyShape(shape, of)
}

/** A copy that nobody else can change. Throws as {@link checkShape}. */
export function copyShape(shape: unknown, of: string): number[] {
  const fail = (fault: string) => new HalError('HAL_INVALID_ARGUMENT', `shape of ${of}: ${fault}`)
  if (!Array.isArray(shape)) throw fail(`expected an array of dimensions, got ${typeof shape}`)
  const rank = shape.length
  if (!(rank <= MAX_RANK)) throw fail(`rank ${rank} is above the limit of ${MAX_RANK}`)
  const copy: number[] = []
  // By index, because forEach and find pass over the holes of a sparse array, and an iterator need not end.
  for (let i = 0; i < rank; i++) {
    const dimension: unknown = shape[i]
    if (!Number.isSafeInteger(dimension) || (dimension as number) < 0) {
      throw fail(`dimension ${i} is ${shown(dimension)}; dimensions are whole numbers from 0`)
    }
    copy.push((dimension as number) + 0) // Without the sign of -0.
  }
  if (!Number.isSafeInteger(elementCount(copy))) throw fail(`[${copy.join(', ')}] has too many elements`)
  return copy
}

/** For messages: an object's own words might throw, or be no string. */
export function shown(value: unknown): string {
  return typeof value === 'object' || typeof value === 'function' ? typeof value : String(value)
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
    throw new HalError('HAL_INVALID_ARGUMENT', `unknown data type ${shown(dataType)}`)
  const sizes = copyShape(shape, `${dataType} tensor`)
  const count = elementCount(sizes) as number
  if (data !== undefined && data.length !== count) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `a ${dataType} tensor of shape [${sizes.join(', ')}] holds ${count} elements, but the data has ${data.length}`,
    )
  }
  return { dataType, shape: sizes, data: dataFor(dataType, count, data) as TensorDataMap[T] }
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
  const given = plainData(data as NumericData, dataType)
  if (given.length !== count)
    throw new HalError('HAL_INVALID_ARGUMENT', `the data of a ${dataType} tensor tells a wrong length`)
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
