import { DATA_TYPES, type DataType } from '@xpu-hal/core'
import type { ConformanceModel, ModelName, Sample } from './model.js'
import { extremes, ramp } from './values.js'

/** `output` is `input`, unchanged. `x` and `y` unless said otherwise. */
export function identity(
  name: ModelName,
  dataType: DataType,
  shape: readonly number[],
  sample: (seed: number) => Sample['inputs'][string],
  input = 'x',
  output = 'y',
): ConformanceModel {
  return {
    name,
    inputs: [{ name: input, dataType, shape }],
    outputs: [{ name: output, dataType, shape }],
    nodes: [{ op: 'Identity', inputs: [input], outputs: [output] }],
    sample(seed) {
      const value = sample(seed)
      // Through fromEntries, because a literal would take the name __proto__ for the prototype.
      return { inputs: Object.fromEntries([[input, value]]), outputs: Object.fromEntries([[output, value]]) }
    },
  }
}

function float32(
  name: ModelName,
  shape: readonly number[],
  input?: string,
  output?: string,
): ConformanceModel {
  return identity(name, 'float32', shape, (seed) => ramp(shape, seed), input, output)
}

export const identities: readonly ConformanceModel[] = [
  ...DATA_TYPES.map((type) => identity(`identity-${type}`, type, [8], (seed) => extremes(type, seed))),
  float32('scalar', []),
  float32('rank-8', [1, 2, 1, 3, 1, 2, 1, 2]),
  float32('empty', [0, 3]),
  identity('dynamic', 'float32', [-1, 3], (seed) => ramp([1 + (seed % 5), 3], seed)),
  float32('odd-input-name', [4], '__proto__', 'constructor'),
  float32('odd-output-name', [4], 'toString', '__proto__'),
]
