import { types } from 'node:util'
import { HalError } from './errors.js'
import type { TensorInfo } from './model.js'
import {
  copyShape,
  elementCount,
  holdsDataType,
  isDataType,
  plainData,
  shown,
  type Tensor,
} from './tensor.js'

/**
 * Checks a tensor from outside, against what is expected of it where that is known, and gives a copy of its frame that
 * nobody else can change; the data are the same.
 * @param role how an error names it, for example `input 'image'`
 * @throws TypeError when it is no tensor at all; HalError HAL_INVALID_ARGUMENT when it does not fit.
 */
export function checkTensor(value: unknown, role: string, expected: TensorInfo | undefined): Tensor {
  if (typeof value !== 'object' || value === null || !('data' in value)) {
    throw new TypeError(`${role}: expected a tensor { dataType, shape, data }, got ${kindOf(value)}`)
  }
  // Each member is read once: a getter might answer otherwise the next time.
  const { dataType, shape: givenShape, data: givenData } = value as Record<string, unknown>
  if (!isDataType(dataType)) throw invalid(`${role}: unknown data type ${shown(dataType)}`)
  const shape = copyShape(givenShape, role)
  if (expected !== undefined) {
    const expects = `expected ${describe(expected.dataType, expected.shape)}, got ${describe(dataType, shape)}`
    if (dataType !== expected.dataType || !shapeFits(shape, expected.shape))
      throw invalid(`${role}: ${expects}`)
  }
  if (!holdsDataType(givenData, dataType)) {
    throw invalid(`${role}: data of type ${dataType} cannot lie in ${kindOf(givenData)}`)
  }
  const data = plainData(givenData, dataType)
  const count = elementCount(shape) as number
  if (data.length !== count) {
    const hint = data.length === 0 ? ' (was its buffer transferred or resized?)' : ''
    throw invalid(
      `${role}: shape [${shape.join(', ')}] holds ${count} elements, but the data has ${data.length}${hint}`,
    )
  }
  if (dataType === 'string') checkStrings(data as readonly unknown[], role)
  return { dataType, shape, data }
}

/** True when every dimension is the expected one, or any where -1 is expected. */
export function shapeFits(shape: readonly number[], expected: readonly number[]): boolean {
  return (
    shape.length === expected.length &&
    expected.every((dimension, i) => dimension === -1 || dimension === shape[i])
  )
}

export function describe(dataType: string, shape: readonly number[]): string {
  return `${dataType} [${shape.map((dimension) => (dimension === -1 ? '?' : dimension)).join(', ')}]`
}

function checkStrings(data: readonly unknown[], role: string): void {
  for (let i = 0; i < data.length; i++) {
    if (typeof data[i] !== 'string')
      throw invalid(`${role}: element ${i} is ${kindOf(data[i])}, not a string`)
  }
}

function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  if (types.isProxy(value)) return 'a Proxy'
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return typeof name === 'string' ? name : 'object'
}

function invalid(message: string): HalError {
  return new HalError('HAL_INVALID_ARGUMENT', message)
}
