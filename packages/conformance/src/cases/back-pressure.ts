import assert from 'node:assert/strict'
import { rejects, sameOutputs, throws } from '../assert.js'
import type { Case } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { serial } from './helpers.js'

const one = { ...serial, maxLoad: 1 }

export const backPressure: readonly Case[] = [
  {
    id: 'back-pressure/waits-for-room',
    title: 'with maxLoad 1, runAsync is accepted only when the run before has settled',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', one)
      const { inputs, outputs } = sample('slow')
      const first = await engine.runAsync(inputs)
      assert.equal(engine.load, 1)
      const second = await engine.runAsync(inputs)
      const { succeeded, load } = engine.stats()
      assert.deepEqual([succeeded, load], [1, 1], 'settled and unsettled runs when the second was accepted')
      for (const job of [first, second]) sameOutputs(await engine.wait(job), outputs)
      assert.equal(engine.load, 0)
    },
  },
  {
    id: 'back-pressure/run-waits-too',
    title: 'run waits for room as runAsync does, and never exceeds maxLoad',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { maxLoad: 2 })
      let highest = 0
      engine.on('run', () => {
        highest = Math.max(highest, engine.load)
      })
      const runs = Array.from({ length: 10 }, (_, i) => engine.run(sample('mid', i).inputs))
      assert.equal(engine.load, 2)
      const answers = await Promise.all(runs)
      for (const [i, answer] of answers.entries()) sameOutputs(answer, sample('mid', i).outputs)
      assert.ok(highest <= 2, `load was ${highest}`)
    },
  },
  {
    id: 'back-pressure/try-run-async',
    title: 'tryRunAsync throws HAL_RESOURCE_EXHAUSTED when full; that counts as refused and disturbs nothing',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow', one)
      const { inputs, outputs } = sample('slow')
      const job = engine.tryRunAsync(inputs)
      throws(() => engine.tryRunAsync(inputs), 'HAL_RESOURCE_EXHAUSTED', 'maxLoad')
      const { refused, accepted, load } = engine.stats()
      assert.deepEqual({ refused, accepted, load }, { refused: 1, accepted: 1, load: 1 })
      sameOutputs(await engine.wait(job), outputs)
      await engine.wait(engine.tryRunAsync(inputs))
    },
  },
  {
    id: 'back-pressure/order-of-acceptance',
    title: 'submissions that wait are accepted in the order in which they came',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', one)
      const order: number[] = []
      const ids = await Promise.all(
        Array.from({ length: 6 }, async (_, i) => {
          const job = await engine.runAsync(sample('mid', i).inputs)
          order.push(i)
          return job
        }),
      )
      assert.deepEqual(order, [0, 1, 2, 3, 4, 5])
      assert.deepEqual(
        ids,
        [...ids].sort((a, b) => a - b),
        'ids rise in the order of acceptance',
      )
      for (const [i, job] of ids.entries()) sameOutputs(await engine.wait(job), sample('mid', i).outputs)
    },
  },
  {
    id: 'back-pressure/cancel-while-waiting',
    title: 'a submission that waits for room can be cancelled; those behind it go on',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', one)
      const { inputs, outputs } = sample('slow')
      const accepted = await engine.runAsync(inputs)
      const controller = new AbortController()
      const waiting = rejects(
        engine.runAsync(inputs, undefined, { signal: controller.signal }),
        'HAL_ABORTED',
      )
      const behind = engine.runAsync(inputs)
      controller.abort('changed my mind')
      assert.equal((await waiting).cause, 'changed my mind')
      assert.equal(engine.stats().succeeded, 0, 'it did not have to wait for the run before it')
      for (const job of [accepted, await behind]) sameOutputs(await engine.wait(job), outputs)
      assert.equal(engine.stats().accepted, 2)
    },
  },
  {
    id: 'back-pressure/timeout-while-waiting',
    title: 'the timeout of a submission counts while it waits for room',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', { ...serial, maxLoad: 6 })
      const { inputs, outputs } = sample('slow')
      const runs = Array.from({ length: 6 }, () => engine.run(inputs))
      await rejects(engine.runAsync(inputs, undefined, { timeout: 1 }), 'HAL_DEADLINE_EXCEEDED')
      for (const answer of await Promise.all(runs)) sameOutputs(answer, outputs)
      await engine.run(inputs)
    },
  },
  {
    id: 'back-pressure/line-is-bounded',
    title: 'no more submissions wait than maxWaiting: the next is refused with HAL_RESOURCE_EXHAUSTED',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow', { ...one, maxWaiting: 1 })
      const { inputs, outputs } = sample('slow')
      const runs = [engine.run(inputs), engine.run(inputs)]
      await rejects(engine.run(inputs), 'HAL_RESOURCE_EXHAUSTED', 'maxWaiting')
      assert.equal(engine.stats().refused, 1)
      for (const answer of await Promise.all(runs)) sameOutputs(answer, outputs)
    },
  },
]
