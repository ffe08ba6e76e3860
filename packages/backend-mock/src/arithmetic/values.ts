import {
  bytesPerElement,
  type DataType,
  type NumericDataType,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import { fromHalf, toHalf } from './float16.js'
import { countOf } from './shape.js'

/** Elements as an operator handles them. float16 is raw bits throughout, on every platform. */
export type Elements = { readonly length: number; [index: number]: number | bigint | string }
export type Numbers = { readonly length: number; [index: number]: number }
export type BigInts = { readonly length: number; [index: number]: bigint }

export function isBig(dataType: DataType): boolean {
  return dataType === 'int64' || dataType === 'uint64'
}

export function isFloat(dataType: DataType): boolean {
  return dataType === 'float16' || dataType === 'float32' || dataType === 'float64'
}

/** True for the types that arithmetic is defined on. */
export function isNumber(dataType: DataType): boolean {
  return dataType !== 'bool' && dataType !== 'string'
}

/** Zeroed memory of the operator's own for `count` elements. */
export function elements(dataType: DataType, count: number): Elements {
  if (dataType === 'string') return new Array<string>(count).fill('')
  const buffer = new ArrayBuffer(count * bytesPerElement(dataType))
  return viewData(dataType === 'float16' ? 'uint16' : dataType, buffer, 0, count) as Elements
}

export function elementsOf(tensor: Tensor): Elements {
  const { dataType, data } = tensor
  if (dataType !== 'float16' || Array.isArray(data)) return data as Elements
  return viewData('uint16', data.buffer, data.byteOffset, data.length) as Elements
}

export function result(dataType: DataType, shape: readonly number[], data: Elements): Tensor {
  return { dataType, shape, data: data as unknown as Tensor['data'] }
}

/** Elements of any type but the 64-bit integers and strings, as numbers. */
export function numbersOf(tensor: Tensor): Numbers {
  const own = elementsOf(tensor) as Numbers
  return tensor.dataType === 'float16' ? Float64Array.from(own, fromHalf) : own
}

/** An array to compute numbers into, of this type or a wider one; {@link fromNumbers} makes the tensor of it. */
export function numbers(dataType: DataType, count: number): Numbers {
  return dataType === 'float16' ? new Float64Array(count) : (elements(dataType, count) as Numbers)
}

/** Takes what {@link numbers} gave, or doubles, which it rounds (integers wrap). */
export function fromNumbers(dataType: DataType, shape: readonly number[], data: Numbers): Tensor {
  if (dataType === 'float16') return result(dataType, shape, Uint16Array.from(data, toHalf))
  if (dataType === 'float64' || !(data instanceof Float64Array)) return result(dataType, shape, data)
  const rounded = elements(dataType, data.length)
  for (let i = 0; i < data.length; i++) rounded[i] = data[i] as number
  return result(dataType, shape, rounded)
}

/** Copies the elements at `from` one by one. */
export function pick(tensor: Tensor, shape: readonly number[], from: Uint32Array): Tensor {
  const source = elementsOf(tensor)
  const data = elements(tensor.dataType, from.length)
  for (let i = 0; i < from.length; i++) data[i] = source[from[i] as number] as number
  return result(tensor.dataType, shape, data)
}

/** A tensor of another shape with the same elements as far as they go, then zeros. */
export function resized(tensor: Tensor, shape: readonly number[]): Tensor {
  const source = elementsOf(tensor)
  const data = elements(tensor.dataType, countOf(shape))
  for (let i = 0; i < Math.min(data.length, source.length); i++) data[i] = source[i] as number
  return shared(result(tensor.dataType, shape, data))
}

/** Writes `value` over `target`, which has the same type and shape. */
export function write(value: Tensor, target: Tensor): void {
  const { data } = target
  if (Array.isArray(data)) {
    const source = value.data as string[]
    for (let i = 0; i < source.length; i++) data[i] = source[i] as string
    return
  }
  const source = value.data as Exclude<Tensor['data'], string[]>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(
    new Uint8Array(source.buffer, source.byteOffset, source.byteLength),
  )
}

/** A tensor in shared memory, which no operand shares, with this value. */
export function shared(value: Tensor): Tensor {
  const { dataType, shape } = value
  const count = countOf(shape)
  const data =
    dataType === 'string'
      ? new Array<string>(count).fill('')
      : viewData(
          dataType as NumericDataType,
          new SharedArrayBuffer(count * bytesPerElement(dataType)),
          0,
          count,
        )
  const copy = { dataType, shape: [...shape], data }
  write(value, copy)
  return copy
}

// Math.max takes no bigint.
export function larger(a: bigint, b: bigint): bigint {
  return b > a ? b : a
}

export function smaller(a: bigint, b: bigint): bigint {
  return b < a ? b : a
}
