import assert from 'node:assert/strict'
import type { Tensor } from '@xpu-hal/core'
import { sameOutputs, sameTensor } from '../assert.js'
import type { Case } from '../case.js'

export const memory: readonly Case[] = [
  {
    id: 'memory/no-copy',
    title: 'tensors that the engine allocated pass without a copy, and into the very memory given',
    models: ['add'],
    requires: ({ capabilities }) =>
      capabilities.outputsInPlace === false ? 'outputs lie in memory of the runtime' : undefined,
    async run({ open, sample }) {
      const engine = await open('add')
      const [a, b, sum] = ['a', 'b', 'sum'].map((name) => engine.allocate(name))
      assert.ok(a !== undefined && b !== undefined && sum !== undefined)
      for (let seed = 0; seed < 3; seed++) {
        const { inputs, outputs } = sample('add', seed)
        ;(a.data as Float32Array).set(inputs.a?.data as Float32Array)
        ;(b.data as Float32Array).set(inputs.b?.data as Float32Array)
        sameOutputs(await engine.run({ a, b }, { outputs: { sum } }), outputs)
        sameTensor(sum, outputs.sum ?? sum)
        sameOutputs(await engine.run({ a, b }), outputs)
      }
      assert.equal(engine.stats().bytesCopied, 0)
    },
  },
  {
    id: 'memory/strings-are-counted',
    title: 'strings cannot be shared: the bytes that were copied are counted',
    models: ['identity-string'],
    async run({ open, sample, isolation }) {
      const engine = await open('identity-string')
      await engine.run(sample('identity-string').inputs)
      // Inline they may pass as they are.
      assert.ok(isolation === 'inline' || engine.stats().bytesCopied > 0, 'bytesCopied is above 0')
    },
  },
  {
    id: 'memory/outputs-are-shared',
    title: 'a numeric output is as good an input of the next run as a tensor of allocate()',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { sum = engine.allocate('sum') } = await engine.run(sample('add').inputs)
      const bytesCopiedOf = async (a: Tensor) => {
        engine.resetStats()
        await engine.run({ a, b: a })
        return engine.stats().bytesCopied
      }
      assert.equal(await bytesCopiedOf(sum), await bytesCopiedOf(engine.allocate('a')))
    },
  },
  {
    id: 'memory/view-of-a-larger-buffer',
    title: 'inputs may be views of a larger buffer, at any element',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs, outputs } = sample('add', 3)
      for (const Memory of [SharedArrayBuffer, ArrayBuffer]) {
        const data = new Float32Array(new Memory(64), 12, 4)
        data.set(inputs.a?.data as Float32Array)
        const a = { dataType: 'float32', shape: [4], data } as const
        sameOutputs(await engine.run({ ...inputs, a }), outputs)
      }
    },
  },
]
