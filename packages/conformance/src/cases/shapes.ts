import assert from 'node:assert/strict'
import { type Inputs, type Tensor, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs, sameTensor } from '../assert.js'
import type { Case } from '../case.js'
import type { ModelName } from '../models/model.js'

const invalid = 'HAL_INVALID_ARGUMENT'

function passes(id: string, title: string, model: ModelName): Case {
  return {
    id: `shapes/${id}`,
    title,
    models: [model],
    async run({ open, sample }) {
      const engine = await open(model)
      for (let seed = 1; seed < 4; seed++) {
        const { inputs, outputs } = sample(model, seed)
        sameOutputs(await engine.run(inputs), outputs)
      }
    },
  }
}

/** `spoil` makes inputs that must be refused with a message that contains `naming`. */
function refuses(
  id: string,
  title: string,
  naming: readonly string[],
  spoil: (good: { a: Tensor; b: Tensor }) => object,
): Case {
  return {
    id: `shapes/${id}`,
    title,
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs, outputs } = sample('add')
      const bad = spoil(inputs as { a: Tensor; b: Tensor }) as Inputs
      const error = await rejects(engine.run(bad), invalid, ...naming)
      assert.equal(error.job, undefined, 'it was never accepted')
      await rejects(engine.runAsync(bad), invalid, ...naming)
      assert.equal(engine.stats().accepted, 0)
      sameOutputs(await engine.run(inputs), outputs)
    },
  }
}

export const shapes: readonly Case[] = [
  passes('scalar', 'a scalar has the shape []', 'scalar'),
  passes('rank-8', 'tensors of rank 8 keep every dimension', 'rank-8'),
  passes('empty', 'a tensor with a dimension of 0 passes through', 'empty'),
  passes('dynamic', 'a dynamic dimension takes another size in every run', 'dynamic'),
  passes('odd-input-name', 'an input may be called __proto__, an output constructor', 'odd-input-name'),
  passes('odd-output-name', 'an output may be called __proto__, an input toString', 'odd-output-name'),
  {
    id: 'shapes/dynamic-empty',
    title: 'a dynamic dimension may be 0',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic')
      const x = tensor('float32', [0, 3])
      sameTensor((await engine.run({ x })).y, x)
    },
  },
  {
    id: 'shapes/dynamic-wrong',
    title: 'the dimensions of a dynamic model that are fixed are checked',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic')
      await rejects(engine.run({ x: tensor('float32', [2, 4]) }), invalid, 'x')
      await rejects(engine.run({ x: tensor('float32', [3]) }), invalid, 'x')
    },
  },
  refuses(
    'wrong-rank',
    'another rank is refused; input, expected and given shape are named',
    ["'b'", '[4]', '[2, 2]'],
    ({ a }) => ({
      a,
      b: tensor('float32', [2, 2]),
    }),
  ),
  refuses(
    'wrong-dimension',
    'another dimension is refused and the input named',
    ["'b'", '[4]', '[5]'],
    ({ a }) => ({
      a,
      b: tensor('float32', [5]),
    }),
  ),
  refuses(
    'wrong-type',
    'another data type is refused and the input named',
    ["'b'", 'float32', 'int32'],
    ({ a }) => ({
      a,
      b: tensor('int32', [4]),
    }),
  ),
  refuses('wrong-length', 'data of another length than the shape are refused', ["'b'", '3'], ({ a }) => ({
    a,
    b: { dataType: 'float32', shape: [4], data: new Float32Array(3) },
  })),
  refuses(
    'wrong-array',
    'an array that cannot hold the data type is refused',
    ["'b'", 'Float64Array'],
    ({ a }) => ({
      a,
      b: { dataType: 'float32', shape: [4], data: new Float64Array(4) },
    }),
  ),
  refuses('negative-dimension', 'a negative dimension is refused', ["'b'", '-4'], ({ a }) => ({
    a,
    b: { dataType: 'float32', shape: [-4], data: new Float32Array(4) },
  })),
  refuses('missing-input', 'an input that is missing is named', ["'b'"], ({ a }) => ({ a })),
  refuses('extra-input', 'an input that the model does not have is named', ["'c'"], ({ a, b }) => ({
    a,
    b,
    c: a,
  })),
  refuses(
    'proto-input',
    'an extra input called __proto__ is refused like any other',
    ['__proto__'],
    ({ a, b }) =>
      Object.fromEntries([
        ['a', a],
        ['b', b],
        ['__proto__', a],
      ]),
  ),
  refuses(
    'inherited-input',
    'inputs are own properties: inherited ones do not count',
    ["'a'"],
    (good) => Object.create(good) as object,
  ),
]
