import { HalError } from './errors.js'
import type { NumericData, NumericDataType } from './tensor.js'

/**
 * Copies plain numbers, bigints or booleans into a typed array.
 * @throws HalError HAL_INVALID_ARGUMENT for an element that the type cannot hold: a typed array would wrap it silently.
 */
export function fill(target: NumericData, values: ArrayLike<unknown>, dataType: NumericDataType): void {
  if (dataType === 'float16' && target instanceof Uint16Array) {
    throw invalid('this platform has no Float16Array: give float16 as its bits, in a Uint16Array')
  }
  const isFloat = dataType.startsWith('float')
  const elements = target as { [index: number]: unknown }
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const wanted = dataType === 'bool' && typeof value === 'boolean' ? Number(value) : value
    if (typeof wanted !== typeof elements[i])
      throw invalid(`element ${i} is ${show(value)}, not a ${typeof elements[i]}`)
    elements[i] = wanted
    const fits = isFloat || (dataType === 'bool' ? wanted === 0 || wanted === 1 : elements[i] === wanted)
    if (!fits) throw invalid(`element ${i} is ${show(value)}, which ${dataType} cannot hold`)
  }
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function invalid(message: string): HalError {
  return new HalError('HAL_INVALID_ARGUMENT', message)
}
