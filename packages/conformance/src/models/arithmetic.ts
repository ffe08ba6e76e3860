import { type Tensor, tensor } from '@xpu-hal/core'
import type { ConformanceModel } from './model.js'
import { ramp } from './values.js'

function sum(a: Tensor<'float32'>, b: Tensor<'float32'>): Tensor<'float32'> {
  return tensor(
    'float32',
    a.shape,
    Array.from(a.data, (value, i) => value + (b.data[i] ?? 0)),
  )
}

function add(name: 'add' | 'add-dynamic', dimension: number): ConformanceModel {
  return {
    name,
    inputs: [
      { name: 'a', dataType: 'float32', shape: [dimension] },
      { name: 'b', dataType: 'float32', shape: [dimension] },
    ],
    outputs: [{ name: 'sum', dataType: 'float32', shape: [dimension] }],
    nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
    sample(seed) {
      const a = ramp([4], seed)
      const b = ramp([4], 3 * seed + 1)
      return { inputs: { a, b }, outputs: { sum: sum(a, b) } }
    },
  }
}

const severalOutputs: ConformanceModel = {
  name: 'several-outputs',
  inputs: [
    { name: 'x', dataType: 'float32', shape: [4] },
    { name: 'n', dataType: 'int64', shape: [2] },
  ],
  outputs: [
    { name: 'copy', dataType: 'float32', shape: [4] },
    { name: 'doubled', dataType: 'float32', shape: [4] },
    { name: 'n_copy', dataType: 'int64', shape: [2] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['x'], outputs: ['copy'] },
    { op: 'Add', inputs: ['x', 'x'], outputs: ['doubled'] },
    { op: 'Identity', inputs: ['n'], outputs: ['n_copy'] },
  ],
  sample(seed) {
    const x = ramp([4], seed)
    const n = tensor('int64', [2], [BigInt(seed), -1n])
    return { inputs: { x, n }, outputs: { copy: x, doubled: sum(x, x), n_copy: n } }
  },
}

/**
 * Multiplies by the unit matrix again and again: work for the device, the same numbers to the bit, and a small file,
 * because the matrix is made by EyeLike.
 */
function product(name: 'mid' | 'slow', side: number, steps: number): ConformanceModel {
  const shape = [side, side]
  const multiply = Array.from({ length: steps }, (_, i) => ({
    op: 'MatMul',
    inputs: [i === 0 ? 'x' : `t${i}`, 'unit'],
    outputs: [i === steps - 1 ? 'y' : `t${i + 1}`],
  }))
  return {
    name,
    inputs: [{ name: 'x', dataType: 'float32', shape }],
    outputs: [{ name: 'y', dataType: 'float32', shape }],
    nodes: [{ op: 'EyeLike', inputs: ['x'], outputs: ['unit'] }, ...multiply],
    sample(seed) {
      const value = ramp(shape, seed)
      return { inputs: { x: value }, outputs: { y: value } }
    },
  }
}

export const arithmetic: readonly ConformanceModel[] = [
  add('add', 4),
  add('add-dynamic', -1),
  severalOutputs,
  product('mid', 32, 4),
  product('slow', 128, 400),
]
