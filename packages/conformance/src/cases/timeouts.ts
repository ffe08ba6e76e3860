import assert from 'node:assert/strict'
import { rejects, sameOutputs } from '../assert.js'
import type { Case } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { backlog, serial } from './helpers.js'

export const timeouts: readonly Case[] = [
  {
    id: 'timeouts/queued',
    title:
      'a run that is still queued when its timeout passes fails with HAL_DEADLINE_EXCEEDED; the others go on',
    models: ['slow'],
    requires: runsOverlap,
    async run(context) {
      const engine = await context.open('slow', serial)
      const { inputs, outputs } = context.sample('slow')
      const runs = backlog(engine, context)
      const error = await rejects(engine.run(inputs, { timeout: 1 }), 'HAL_DEADLINE_EXCEEDED')
      assert.equal(error.engine, engine.id)
      assert.equal(error.device, engine.device.id)
      assert.equal(typeof error.job, 'number')
      for (const answer of await Promise.all(runs)) sameOutputs(answer, outputs)
      assert.equal(engine.stats().timedOut, 1)
    },
  },
  {
    id: 'timeouts/engine-default',
    title: 'the engine option timeout holds for runs without one of their own',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', { ...serial, timeout: 1 })
      const { inputs, outputs } = sample('slow')
      const patient = Array.from({ length: 6 }, () => engine.run(inputs, { timeout: 0 }))
      await rejects(engine.run(inputs), 'HAL_DEADLINE_EXCEEDED')
      for (const answer of await Promise.all(patient)) sameOutputs(answer, outputs)
    },
  },
  {
    id: 'timeouts/later-answers-are-right',
    title: 'runs after one that timed out while it was executing get their own answers',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      // Whether each of these is in time is up to the device; none may spoil what follows.
      const hurried = Array.from({ length: 4 }, (_, i) =>
        engine.run(sample('slow', 10 + i).inputs, { timeout: 1 }).then(
          (answer) => sameOutputs(answer, sample('slow', 10 + i).outputs),
          (error: { code?: unknown }) => assert.equal(error.code, 'HAL_DEADLINE_EXCEEDED'),
        ),
      )
      await Promise.all(hurried)
      for (let seed = 0; seed < 3; seed++) {
        sameOutputs(await engine.run(sample('slow', seed).inputs), sample('slow', seed).outputs)
      }
    },
  },
  {
    id: 'timeouts/invalid',
    title: 'a timeout that is no number of milliseconds is refused with HAL_INVALID_ARGUMENT',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs } = sample('add')
      await rejects(engine.run(inputs, { timeout: -1 }), 'HAL_INVALID_ARGUMENT', 'timeout')
      await rejects(engine.run(inputs, { timeout: Number.NaN }), 'HAL_INVALID_ARGUMENT', 'timeout')
    },
  },
]
