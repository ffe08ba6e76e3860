import assert from 'node:assert/strict'
import { type HalError, type JobId, type Outputs, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs, snapshot, turn } from '../assert.js'
import type { Case } from '../case.js'
import { serial, signalled } from './helpers.js'

export const callbacks: readonly Case[] = [
  {
    id: 'callbacks/called-once-per-run',
    title: 'the callback gets the outputs, the very userArg and the id of every run, once each',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { maxLoad: 16 })
      const calls = new Map<JobId, { arg: unknown; copy: Outputs }>()
      const args = Array.from({ length: 8 }, (_, i) => ({ i }))
      const all = signalled()
      engine.registerCallback((outputs, arg, job) => {
        assert.ok(!calls.has(job), `second call for job ${job}`)
        calls.set(job, { arg, copy: snapshot(outputs) })
        if (calls.size === args.length) all.resolve()
      })
      const ids: JobId[] = []
      for (const [i, arg] of args.entries()) ids.push(await engine.runAsync(sample('mid', i).inputs, arg))
      await all.promise
      for (const [i, id] of ids.entries()) {
        const call = calls.get(id)
        assert.equal(call?.arg, args[i])
        sameOutputs(call?.copy ?? {}, sample('mid', i).outputs)
      }
      await engine.close()
      assert.equal(calls.size, 8)
      assert.equal(engine.stats().callbackErrors, 0)
    },
  },
  {
    id: 'callbacks/every-way-of-submitting',
    title: 'run, runAsync, tryRunAsync and runBatch all reach the callback',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const seen: unknown[] = []
      engine.registerCallback((_outputs, arg) => {
        seen.push(arg)
      })
      const { inputs } = sample('add')
      await engine.run(inputs, { userArg: 'run' })
      await engine.runAsync(inputs, 'runAsync')
      engine.tryRunAsync(inputs, 'tryRunAsync')
      await engine.runBatch([inputs])
      await engine.close()
      assert.deepEqual(seen.sort(), ['run', 'runAsync', 'tryRunAsync', undefined])
    },
  },
  {
    id: 'callbacks/run-sync',
    title: 'runSync reaches the callback too, with its userArg',
    models: ['add'],
    requires: ({ capabilities }) => (capabilities.runSync ? undefined : 'runSync is not implemented'),
    async run({ open, sample }) {
      const engine = await open('add')
      const called = signalled<{ arg: unknown; copy: Outputs }>()
      engine.registerCallback((outputs, arg) => called.resolve({ arg, copy: snapshot(outputs) }))
      engine.runSync(sample('add').inputs, { userArg: 'sync' })
      const { arg, copy } = await called.promise
      assert.equal(arg, 'sync')
      sameOutputs(copy, sample('add').outputs)
    },
  },
  {
    id: 'callbacks/on-the-event-loop',
    title: 'the callback is never called from within the call that submits',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const called = signalled<boolean>()
      let within = true
      engine.registerCallback(() => called.resolve(within))
      engine.tryRunAsync(sample('add').inputs)
      within = false
      assert.equal(await called.promise, false)
    },
  },
  {
    id: 'callbacks/throwing-callback-reaches-error-event',
    title: 'what a callback throws reaches the error event, as cause, and nothing else',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const errors: HalError[] = []
      engine.on('error', (error) => errors.push(error))
      const thrown = new Error('from the callback')
      engine.registerCallback(() => {
        throw thrown
      })
      const { inputs, outputs } = sample('add')
      sameOutputs(await engine.run(inputs), outputs)
      sameOutputs(await engine.run(inputs), outputs)
      assert.deepEqual(
        errors.map(({ cause }) => cause),
        [thrown, thrown],
      )
      const { callbackErrors, succeeded, failed } = engine.stats()
      assert.deepEqual({ callbackErrors, succeeded, failed }, { callbackErrors: 2, succeeded: 2, failed: 0 })
    },
  },
  {
    id: 'callbacks/rejecting-callback-reaches-error-event',
    title: 'so does what an async callback rejects with',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const reported = signalled<HalError>()
      engine.on('error', reported.resolve)
      const thrown = new Error('from the async callback')
      engine.registerCallback(async () => {
        await turn()
        throw thrown
      })
      sameOutputs(await engine.run(sample('add').inputs), sample('add').outputs)
      assert.equal((await reported.promise).cause, thrown)
    },
  },
  {
    id: 'callbacks/async-callback-keeps-outputs',
    title: "outputs stay valid until an async callback's promise settles",
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { maxLoad: 16 })
      const results: (() => void)[] = []
      const all = signalled()
      engine.registerCallback(async (outputs, arg) => {
        const seed = arg as number
        // The later ones finish meanwhile, and must not write here.
        for (let i = 0; i < 10 - seed; i++) await turn()
        const copy = snapshot(outputs)
        results.push(() => sameOutputs(copy, sample('mid', seed).outputs))
        if (results.length === 8) all.resolve()
      })
      for (let i = 0; i < 8; i++) await engine.runAsync(sample('mid', i).inputs, i)
      await all.promise
      for (const check of results) check()
    },
  },
  {
    id: 'callbacks/replaced-and-removed',
    title: 'a callback holds for the runs submitted after it was registered; null removes it',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      const { inputs, outputs } = sample('slow')
      const calls: string[] = []
      const record = (name: string) => () => {
        calls.push(name)
      }
      engine.registerCallback(record('first'))
      const first = engine.tryRunAsync(inputs)
      engine.registerCallback(record('second'))
      const second = engine.tryRunAsync(inputs)
      engine.registerCallback(null)
      const third = engine.tryRunAsync(inputs)
      for (const answer of await Promise.all([first, second, third].map((job) => engine.wait(job)))) {
        sameOutputs(answer, outputs)
      }
      assert.deepEqual(calls, ['first', 'second'])
    },
  },
  {
    id: 'callbacks/ordered',
    title: 'with the option ordered, callbacks come in the order of acceptance, whichever core was faster',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { ordered: true, maxLoad: 64 })
      const order: JobId[] = []
      const all = signalled()
      engine.registerCallback((_outputs, _arg, job) => {
        if (order.push(job) === 32) all.resolve()
      })
      const ids = Array.from({ length: 32 }, (_, i) => engine.tryRunAsync(sample('mid', i).inputs))
      await all.promise
      assert.deepEqual(order, ids)
    },
  },
  {
    id: 'callbacks/delivered-job-is-gone',
    title: 'a job that was delivered to the callback cannot be waited for: HAL_NOT_FOUND',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const called = signalled()
      engine.registerCallback(() => called.resolve())
      const job = await engine.runAsync(sample('add').inputs)
      await called.promise
      await turn()
      await rejects(engine.wait(job), 'HAL_NOT_FOUND', String(job))
    },
  },
  {
    id: 'callbacks/waited-job-keeps-outputs',
    title: 'a job that somebody waits for reaches the callback too, and its outputs are not recycled',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { maxLoad: 64 })
      let calls = 0
      engine.registerCallback(() => {
        calls++
      })
      const kept: Outputs[] = []
      for (let i = 0; i < 4; i++) {
        kept.push(await engine.wait(engine.tryRunAsync(sample('mid', i).inputs)))
        for (let j = 0; j < 8; j++) engine.tryRunAsync(sample('mid', 50 + j).inputs)
      }
      await engine.close()
      assert.equal(calls, 36)
      for (const [i, outputs] of kept.entries()) sameOutputs(outputs, sample('mid', i).outputs)
    },
  },
  {
    id: 'callbacks/wait-inside',
    title: 'waiting for its own job inside a callback fails with HAL_FAILED_PRECONDITION instead of for ever',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const result = signalled<unknown>()
      engine.registerCallback(async (_outputs, _arg, job) => {
        result.resolve(
          await rejects(engine.wait(job), 'HAL_FAILED_PRECONDITION').catch((error: unknown) => error),
        )
      })
      await engine.runAsync(sample('add').inputs)
      const error = (await result.promise) as { code?: unknown }
      assert.equal(error.code, 'HAL_FAILED_PRECONDITION')
    },
  },
  {
    id: 'callbacks/submit-inside',
    title: 'a callback may submit and wait for other runs, even when the engine is full',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add', { maxLoad: 1 })
      const result = signalled<() => void>()
      engine.registerCallback((_outputs, arg) => {
        if (arg !== 'outer') return
        engine.run(sample('add', 5).inputs, { userArg: 'inner' }).then(
          (answer) => result.resolve(() => sameOutputs(answer, sample('add', 5).outputs)),
          (error: unknown) =>
            result.resolve(() => {
              throw error
            }),
        )
      })
      await engine.runAsync(sample('add').inputs, 'outer')
      ;(await result.promise)()
    },
  },
  {
    id: 'callbacks/failed-run-reaches-error-event',
    title: 'a run that failed and had only a callback is told to the error event, not to the callback',
    models: ['add-dynamic'],
    async run({ open, device }) {
      const engine = await open('add-dynamic')
      const reported = signalled<HalError>()
      let calls = 0
      engine.on('error', reported.resolve)
      engine.registerCallback(() => {
        calls++
      })
      const job = await engine.runAsync({ a: tensor('float32', [2]), b: tensor('float32', [3]) })
      const error = await reported.promise
      assert.deepEqual([error.job, error.engine, error.device], [job, engine.id, device.id])
      assert.equal(calls, 0)
    },
  },
]
