import { tensor } from '@xpu-hal/core'

/** Constants and attributes of a graph, in short. */
export const float = (shape: readonly number[], data: readonly number[]) => tensor('float32', shape, data)
export const scalar = (value: number) => float([], [value])
export const int64 = (...values: number[]) => tensor('int64', [values.length], values.map(BigInt))
export const int = (value: number) => ({ int: value })
export const ints = (...values: number[]) => ({ ints: values })
