import assert from 'node:assert/strict'
import { rejects, sameOutputs, turn } from '../assert.js'
import type { Case } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { backlog, serial, settlements } from './helpers.js'

export const cancellation: readonly Case[] = [
  {
    id: 'cancellation/aborted-before',
    title: 'a signal that has aborted already refuses the run with HAL_ABORTED, and the reason as cause',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs } = sample('add')
      const signal = AbortSignal.abort('no')
      assert.equal((await rejects(engine.run(inputs, { signal }), 'HAL_ABORTED')).cause, 'no')
      await rejects(engine.runAsync(inputs, undefined, { signal }), 'HAL_ABORTED')
      const { accepted, load } = engine.stats()
      assert.deepEqual({ accepted, load }, { accepted: 0, load: 0 })
    },
  },
  {
    id: 'cancellation/queued',
    title: 'a queued run is cancelled at once; the others give their results',
    models: ['slow'],
    requires: runsOverlap,
    async run(context) {
      const engine = await context.open('slow', serial)
      const { inputs, outputs } = context.sample('slow')
      const runs = backlog(engine, context)
      const controller = new AbortController()
      const cancelled = rejects(engine.run(inputs, { signal: controller.signal }), 'HAL_ABORTED')
      const last = engine.run(inputs)
      controller.abort('enough')
      const error = await cancelled
      assert.equal(error.cause, 'enough')
      assert.equal(error.engine, engine.id)
      const { succeeded, cancelled: count } = engine.stats()
      assert.deepEqual(
        { succeeded, count },
        { succeeded: 0, count: 1 },
        'it did not wait for the runs before it',
      )
      for (const answer of await Promise.all([...runs, last])) sameOutputs(answer, outputs)
    },
  },
  {
    id: 'cancellation/queued-never-starts',
    title: 'a run that was cancelled while it was queued never reaches a core',
    models: ['slow'],
    requires: runsOverlap,
    async run(context) {
      const engine = await context.open('slow', serial)
      const runs = backlog(engine, context)
      const started: boolean[] = []
      engine.on('run', ({ error, startedAt }) => {
        if (error !== undefined) started.push(startedAt !== undefined)
      })
      const controller = new AbortController()
      const { inputs } = context.sample('slow')
      const cancelled = rejects(engine.run(inputs, { signal: controller.signal }), 'HAL_ABORTED')
      controller.abort()
      await cancelled
      await Promise.all(runs)
      assert.deepEqual(started, [false])
    },
  },
  {
    id: 'cancellation/running',
    title: 'a run that executes is given up at once; the engine serves on, with right answers',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      const { inputs, outputs } = sample('slow')
      const controller = new AbortController()
      const running = engine.run(inputs, { signal: controller.signal })
      const cancelled = rejects(running, 'HAL_ABORTED')
      await turn()
      controller.abort()
      await cancelled
      for (let seed = 2; seed < 5; seed++) {
        sameOutputs(await engine.run(sample('slow', seed).inputs), sample('slow', seed).outputs)
      }
      sameOutputs(await engine.run(inputs), outputs)
    },
  },
  {
    id: 'cancellation/settles-once',
    title: 'every accepted run settles exactly once, whatever was cancelled',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      const settled = settlements(engine)
      const { inputs } = sample('slow')
      const controller = new AbortController()
      const runs = Array.from({ length: 8 }, (_, i) =>
        engine.run(inputs, i % 2 === 0 ? {} : { signal: controller.signal }),
      )
      controller.abort()
      const results = await Promise.allSettled(runs)
      await engine.close()
      assert.deepEqual(
        results.map(({ status }) => status),
        Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? 'fulfilled' : 'rejected')),
      )
      assert.equal(settled.length, 8)
      assert.equal(new Set(settled).size, 8)
      const { accepted, succeeded, cancelled, load } = engine.stats()
      assert.deepEqual(
        { accepted, succeeded, cancelled, load },
        { accepted: 8, succeeded: 4, cancelled: 4, load: 0 },
      )
    },
  },
  {
    id: 'cancellation/after-settlement',
    title: 'a signal that aborts when the run has settled changes nothing',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const controller = new AbortController()
      const { inputs, outputs } = sample('add')
      const answer = await engine.run(inputs, { signal: controller.signal })
      controller.abort()
      await turn()
      sameOutputs(answer, outputs)
      assert.equal(engine.stats().cancelled, 0)
      sameOutputs(await engine.run(inputs), outputs)
    },
  },
]
