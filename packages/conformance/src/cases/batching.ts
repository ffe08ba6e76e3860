import assert from 'node:assert/strict'
import { type Engine, type EngineOptions, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs } from '../assert.js'
import type { Case } from '../case.js'
import { ramp } from '../models/values.js'

/** Requests are held back until there are `maxSize` rows, so that what is joined does not depend on the speed of the device. */
function full(maxSize: number): EngineOptions {
  return { batching: { maxSize, maxDelay: 60_000, adaptive: false }, maxLoad: 64 }
}

/** Rows of the model `dynamic`, whose answer is the same. */
const rows = (count: number, seed: number): Tensor => ramp([count, 3], seed)

function ask(engine: Engine, x: Tensor): Promise<Outputs> {
  return engine.run({ x })
}

export const batching: readonly Case[] = [
  {
    id: 'batching/own-rows',
    title: 'requests are executed together, and each gets its own rows',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic', full(6))
      const requests = [rows(1, 1), rows(3, 100), rows(2, 200)]
      const answers = await Promise.all(requests.map((x) => ask(engine, x)))
      for (const [i, answer] of answers.entries()) sameOutputs(answer, { y: requests[i] as Tensor })
      const { batchSize, succeeded } = engine.stats()
      assert.deepEqual([succeeded, batchSize.count, batchSize.max], [3, 1, 6])
    },
  },
  {
    id: 'batching/every-input',
    title: 'all inputs of the requests are joined, in the same order',
    models: ['add-dynamic'],
    async run({ open }) {
      const engine = await open('add-dynamic', full(5))
      const requests = [2, 3].map((count) => ({
        a: ramp([count], 10 * count),
        b: ramp([count], 1000 * count),
      }))
      const answers = await Promise.all(requests.map((inputs) => engine.run(inputs)))
      for (const [i, { sum }] of answers.entries()) {
        const { a, b } = requests[i] as { a: Tensor<'float32'>; b: Tensor<'float32'> }
        const expected = Array.from(a.data, (value, at) => value + (b.data[at] as number))
        assert.deepEqual(Array.from(sum?.data as Float32Array), expected)
      }
    },
  },
  {
    id: 'batching/large-request',
    title: 'a request of more rows than an execution takes is split, and its answer is whole',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic', { batching: { maxSize: 4, maxDelay: 0 } })
      const x = rows(10, 7)
      sameOutputs(await ask(engine, x), { y: x })
      const { batchSize } = engine.stats()
      assert.deepEqual([batchSize.count, batchSize.max], [3, 4])
    },
  },
  {
    id: 'batching/callers-outputs',
    title: 'the rows of a request are written to the tensors that it brings',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic', full(3))
      const y = tensor('float32', [2, 3])
      const own = engine.run({ x: rows(2, 5) }, { outputs: { y } })
      await ask(engine, rows(1, 9))
      assert.equal((await own).y, y)
      sameOutputs({ y }, { y: rows(2, 5) })
    },
  },
  {
    id: 'batching/bad-request',
    title: 'a request that is wrong, or was cancelled, does not harm those it would have been executed with',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic', full(3))
      const first = ask(engine, rows(1, 1))
      const wrong = engine.run({ x: tensor('float32', [1, 4]) })
      await rejects(wrong, 'HAL_INVALID_ARGUMENT', 'x')
      const stop = new AbortController()
      const cancelled = engine.run({ x: rows(1, 50) }, { signal: stop.signal })
      stop.abort()
      await rejects(cancelled, 'HAL_ABORTED')
      const second = ask(engine, rows(2, 30))
      sameOutputs(await first, { y: rows(1, 1) })
      sameOutputs(await second, { y: rows(2, 30) })
    },
  },
  {
    id: 'batching/expiry',
    title: 'a request that is held back expires at its own timeout',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic', full(3))
      await rejects(engine.run({ x: rows(1, 1) }, { timeout: 20 }), 'HAL_DEADLINE_EXCEEDED')
      assert.equal(engine.load, 0)
    },
  },
  {
    id: 'batching/adaptive',
    title: 'an adaptive engine answers a request that comes alone, and many at once',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic', { batching: { maxSize: 8, maxDelay: 60_000 }, maxLoad: 256 })
      sameOutputs(await ask(engine, rows(1, 3)), { y: rows(1, 3) })
      const requests = Array.from({ length: 100 }, (_, i) => rows(1 + (i % 3), i))
      const answers = await Promise.all(requests.map((x) => ask(engine, x)))
      for (const [i, answer] of answers.entries()) sameOutputs(answer, { y: requests[i] as Tensor })
      const { batchSize, succeeded } = engine.stats()
      assert.equal(succeeded, 101)
      const joined = batchSize.count > 0 && batchSize.count < 101 && batchSize.max <= 8
      assert.ok(joined, `${batchSize.count} executions of at most ${batchSize.max} rows`)
    },
  },
  {
    id: 'batching/fixed-rows',
    title: 'a model that takes a fixed number of rows is refused',
    models: ['add'],
    async run({ open }) {
      await rejects(open('add', full(4)), 'HAL_INVALID_ARGUMENT', 'batching')
    },
  },
  {
    id: 'batching/off',
    title: 'nothing is joined unless it is asked for',
    models: ['dynamic'],
    async run({ open }) {
      const engine = await open('dynamic')
      await Promise.all([1, 2, 3].map((seed) => ask(engine, rows(1, seed))))
      assert.equal(engine.stats().batchSize.count, 0)
    },
  },
]
