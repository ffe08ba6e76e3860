import assert from 'node:assert/strict'
import { type JobId, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs } from '../assert.js'
import type { Case } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { BACKLOG, serial } from './helpers.js'

export const jobs: readonly Case[] = [
  {
    id: 'jobs/run-async-and-wait',
    title: 'runAsync gives an id, wait the outputs of that very run, in any order of waiting',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', { maxLoad: 16 })
      const ids: JobId[] = []
      for (let i = 0; i < 8; i++) ids.push(await engine.runAsync(sample('mid', i).inputs))
      for (let i = 7; i >= 0; i--) sameOutputs(await engine.wait(ids[i] as JobId), sample('mid', i).outputs)
    },
  },
  {
    id: 'jobs/try-run-async',
    title: 'tryRunAsync gives an id at once, and wait the outputs',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const job = engine.tryRunAsync(sample('add').inputs)
      assert.equal(typeof job, 'number')
      assert.equal(engine.load, 1)
      sameOutputs(await engine.wait(job), sample('add').outputs)
      assert.equal(engine.load, 0)
    },
  },
  {
    id: 'jobs/ids-rise',
    title: 'ids rise with every run and no two engines share one',
    models: ['add'],
    async run({ open, sample }) {
      const engines = [await open('add'), await open('add')]
      const ids: JobId[] = []
      for (let i = 0; i < 10; i++) {
        for (const engine of engines) {
          const job = await engine.runAsync(sample('add', i).inputs)
          ids.push(job)
          await engine.wait(job)
        }
      }
      ids.forEach((id, i) => {
        assert.ok(Number.isSafeInteger(id), `job id ${id} is a whole number`)
        assert.ok(i === 0 || id > (ids[i - 1] as JobId), `job id ${id} is above ${ids[i - 1]}`)
      })
    },
  },
  {
    id: 'jobs/unknown-id',
    title: 'waiting for an id that was never given, or given by another engine, fails with HAL_NOT_FOUND',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const other = await open('add')
      const job = await other.runAsync(sample('add').inputs)
      await rejects(engine.wait(job), 'HAL_NOT_FOUND', String(job))
      await rejects(engine.wait(job + 1_000_000), 'HAL_NOT_FOUND')
      await rejects(engine.wait(-1), 'HAL_NOT_FOUND')
      sameOutputs(await other.wait(job), sample('add').outputs)
    },
  },
  {
    id: 'jobs/second-wait',
    title: 'a job is collected once: the second wait fails with HAL_NOT_FOUND',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const job = await engine.runAsync(sample('add').inputs)
      await engine.wait(job)
      await rejects(engine.wait(job), 'HAL_NOT_FOUND', String(job))
    },
  },
  {
    id: 'jobs/second-waiter',
    title:
      'while somebody waits for a job, another wait fails with HAL_FAILED_PRECONDITION and disturbs nothing',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow')
      const job = engine.tryRunAsync(sample('slow').inputs)
      const first = engine.wait(job)
      await rejects(engine.wait(job), 'HAL_FAILED_PRECONDITION', String(job))
      sameOutputs(await first, sample('slow').outputs)
    },
  },
  {
    id: 'jobs/wait-after-settlement',
    title: 'a result stays until it is collected, however much later',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const job = await engine.runAsync(sample('add', 7).inputs)
      for (let i = 0; i < 20; i++) await engine.run(sample('add', i).inputs)
      sameOutputs(await engine.wait(job), sample('add', 7).outputs)
    },
  },
  {
    id: 'jobs/wait-timeout',
    title: 'a timeout of wait ends the waiting with HAL_DEADLINE_EXCEEDED; the job can be waited for again',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      const { inputs, outputs } = sample('slow')
      const ids = Array.from({ length: BACKLOG }, () => engine.tryRunAsync(inputs))
      const last = ids.at(-1) as JobId
      await rejects(engine.wait(last, { timeout: 1 }), 'HAL_DEADLINE_EXCEEDED')
      for (const id of ids) sameOutputs(await engine.wait(id), outputs)
    },
  },
  {
    id: 'jobs/wait-signal',
    title: 'a signal ends the waiting with HAL_ABORTED and its reason; the job can be waited for again',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow')
      const job = engine.tryRunAsync(sample('slow').inputs)
      const controller = new AbortController()
      const waiting = engine.wait(job, { signal: controller.signal })
      controller.abort('enough')
      assert.equal((await rejects(waiting, 'HAL_ABORTED')).cause, 'enough')
      assert.equal(
        (await rejects(engine.wait(job, { signal: controller.signal }), 'HAL_ABORTED')).cause,
        'enough',
      )
      sameOutputs(await engine.wait(job), sample('slow').outputs)
    },
  },
  {
    id: 'jobs/failed-run',
    title: 'waiting for a run that failed in the device rejects with its own error, once',
    models: ['add-dynamic'],
    async run({ open, device }) {
      const engine = await open('add-dynamic')
      const bad = { a: tensor('float32', [2]), b: tensor('float32', [3]) }
      const job = await engine.runAsync(bad)
      const good = await engine.runAsync({ a: tensor('float32', [2]), b: tensor('float32', [2]) })
      const error = await engine.wait(job).then(
        () => assert.fail('a run that cannot succeed succeeded'),
        (reason: unknown) => reason as Record<string, unknown>,
      )
      assert.deepEqual([error.job, error.engine, error.device], [job, engine.id, device.id])
      await rejects(engine.wait(job), 'HAL_NOT_FOUND')
      await engine.wait(good)
    },
  },
]
