import assert from 'node:assert/strict'
import { HalError, type Inputs, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { sameOutputs } from '../assert.js'
import type { Case } from '../case.js'
import { serial } from './helpers.js'

function settledValue(result: PromiseSettledResult<Outputs> | undefined): Outputs {
  assert.equal(result?.status, 'fulfilled')
  return (result as PromiseFulfilledResult<Outputs>).value
}

function errorOf(result: PromiseSettledResult<Outputs> | undefined): HalError {
  assert.equal(result?.status, 'rejected')
  const { reason } = result as PromiseRejectedResult
  assert.ok(HalError.isInstance(reason), `expected a HalError, got ${String(reason)}`)
  return reason
}

export const batch: readonly Case[] = [
  {
    id: 'batch/order',
    title: 'runBatch gives one result an item, in the order of the items, also of more items than maxLoad',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { maxLoad: 2 })
      const items = Array.from({ length: 40 }, (_, i) => sample('mid', i).inputs)
      const results = await engine.runBatch(items)
      assert.equal(results.length, 40)
      for (const [i, result] of results.entries()) sameOutputs(settledValue(result), sample('mid', i).outputs)
    },
  },
  {
    id: 'batch/empty',
    title: 'an empty batch gives an empty list',
    models: ['add'],
    async run({ open }) {
      assert.deepEqual(await (await open('add')).runBatch([]), [])
    },
  },
  {
    id: 'batch/error-of-an-item',
    title: 'an item that does not fit the model gives its own error; the others give their outputs',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs, outputs } = sample('add')
      const bad = { ...inputs, b: tensor('float32', [5]) }
      const results = await engine.runBatch([inputs, bad, inputs])
      assert.equal(results.length, 3)
      sameOutputs(settledValue(results[0]), outputs)
      assert.equal(errorOf(results[1]).code, 'HAL_INVALID_ARGUMENT')
      sameOutputs(settledValue(results[2]), outputs)
    },
  },
  {
    id: 'batch/failing-run',
    title: 'an item that fails in the device gives its own error; the others give their outputs',
    models: ['add-dynamic'],
    async run({ open, sample }) {
      const engine = await open('add-dynamic')
      const { inputs, outputs } = sample('add-dynamic')
      const bad = { a: tensor('float32', [2]), b: tensor('float32', [3]) }
      const results = await engine.runBatch([inputs, bad, inputs])
      sameOutputs(settledValue(results[0]), outputs)
      assert.equal(errorOf(results[1]).engine, engine.id)
      sameOutputs(settledValue(results[2]), outputs)
    },
  },
  {
    id: 'batch/caller-outputs',
    title: "the caller's tensors for each item are the very ones returned",
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const items = Array.from({ length: 5 }, (_, i) => sample('add', i).inputs)
      const outputs = items.map(() => ({ sum: engine.allocate('sum') }))
      const results = await engine.runBatch(items, { outputs })
      results.forEach((result, i) => {
        const answer = settledValue(result)
        sameOutputs(answer, sample('add', i).outputs)
        assert.equal(answer.sum?.data, (outputs[i] as { sum: Tensor }).sum.data)
      })
    },
  },
  {
    id: 'batch/signal',
    title: 'a signal cancels the items that have not settled; there is still one result an item',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow', { ...serial, maxLoad: 2 })
      const { inputs, outputs } = sample('slow')
      const controller = new AbortController()
      const items: Inputs[] = Array.from({ length: 10 }, () => inputs)
      engine.on('run', () => controller.abort('enough'))
      const results = await engine.runBatch(items, { signal: controller.signal })
      assert.equal(results.length, 10)
      sameOutputs(settledValue(results[0]), outputs)
      const codes = results.slice(2).map((result) => errorOf(result).code)
      assert.deepEqual(codes, new Array(8).fill('HAL_ABORTED'))
      assert.equal(engine.load, 0)
    },
  },
]
