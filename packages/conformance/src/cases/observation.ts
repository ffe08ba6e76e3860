import assert from 'node:assert/strict'
import { type RunMetrics, tensor } from '@xpu-hal/core'
import { rejects, sameOutputs } from '../assert.js'
import type { Case } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { serial } from './helpers.js'

export const observation: readonly Case[] = [
  {
    id: 'stats/counts',
    title: 'stats() counts what was accepted, succeeded, was cancelled and timed out',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      const { inputs } = sample('slow')
      const controller = new AbortController()
      const runs = Array.from({ length: 6 }, () => engine.run(inputs))
      const cancelled = rejects(engine.run(inputs, { signal: controller.signal }), 'HAL_ABORTED')
      const late = rejects(engine.run(inputs, { timeout: 1 }), 'HAL_DEADLINE_EXCEEDED')
      assert.equal(engine.stats().load, 8)
      controller.abort()
      await Promise.all([...runs, cancelled, late])
      const { accepted, succeeded, failed, cancelled: aborted, timedOut, load, strayAnswers } = engine.stats()
      assert.deepEqual(
        { accepted, succeeded, failed, aborted, timedOut, load, strayAnswers },
        { accepted: 8, succeeded: 6, failed: 0, aborted: 1, timedOut: 1, load: 0, strayAnswers: 0 },
      )
    },
  },
  {
    id: 'stats/failed',
    title: 'stats() counts runs that failed in the device',
    models: ['add-dynamic'],
    async run({ open }) {
      const engine = await open('add-dynamic')
      await engine.run({ a: tensor('float32', [2]), b: tensor('float32', [3]) }).then(
        () => assert.fail('a run that cannot succeed succeeded'),
        () => {},
      )
      const { accepted, succeeded, failed, load } = engine.stats()
      assert.deepEqual(
        { accepted, succeeded, failed, load },
        { accepted: 1, succeeded: 0, failed: 1, load: 0 },
      )
    },
  },
  {
    id: 'stats/percentiles',
    title: 'percentiles rise, lie between the extremes, and cover every run',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid')
      for (let i = 0; i < 20; i++) await engine.run(sample('mid', i).inputs)
      const { queueWait, run, latency } = engine.stats()
      for (const [name, figures] of Object.entries({ queueWait, run, latency })) {
        const { count, min, mean, p50, p90, p99, max } = figures
        assert.equal(count, 20, `${name}: count`)
        const rising = [min, p50, p90, p99, max]
        assert.ok(min >= 0 && mean >= min && mean <= max, `${name}: mean ${mean} lies in [${min}, ${max}]`)
        // Within 2 %, as they are promised.
        rising.forEach((value, i) => {
          assert.ok(i === 0 || value * 1.02 >= (rising[i - 1] as number), `${name}: ${rising.join(' <= ')}`)
        })
      }
      assert.ok(latency.max >= run.min, 'the latency includes the run')
    },
  },
  {
    id: 'stats/reset',
    title: 'resetStats() starts all counts again',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      await engine.run(sample('add').inputs)
      engine.resetStats()
      const { accepted, succeeded, bytesCopied, latency } = engine.stats()
      assert.deepEqual(
        { accepted, succeeded, bytesCopied, count: latency.count },
        { accepted: 0, succeeded: 0, bytesCopied: 0, count: 0 },
      )
      await engine.run(sample('add').inputs)
      assert.equal(engine.stats().accepted, 1)
    },
  },
  {
    id: 'stats/no-stray-answers',
    title: 'the device answers every run once: no stray answers, however many runs at the same time',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid')
      await Promise.all(Array.from({ length: 20 }, (_, i) => engine.run(sample('mid', i).inputs)))
      await engine.close()
      assert.equal(engine.stats().strayAnswers, 0)
    },
  },
  {
    id: 'events/run',
    title: 'the run event tells the job, its device and core, and times in the order of events',
    models: ['mid'],
    async run({ open, sample, device }) {
      const engine = await open('mid')
      const seen: RunMetrics[] = []
      const listener = (metrics: RunMetrics) => {
        seen.push(metrics)
      }
      assert.equal(engine.on('run', listener), engine, 'on() returns the engine')
      const ids = [engine.tryRunAsync(sample('mid').inputs), engine.tryRunAsync(sample('mid').inputs)]
      for (const job of ids) sameOutputs(await engine.wait(job), sample('mid').outputs)
      assert.deepEqual(
        seen.map(({ job }) => job).sort((a, b) => a - b),
        ids,
      )
      for (const {
        device: id,
        core,
        submittedAt,
        startedAt = Number.NaN,
        endedAt = Number.NaN,
        settledAt,
      } of seen) {
        assert.equal(id, device.id)
        assert.ok(
          device.cores.some((entry) => entry.id === core),
          `${core} is a core of ${id}`,
        )
        const times = [submittedAt, startedAt, endedAt, settledAt]
        assert.ok(
          submittedAt <= startedAt && startedAt <= endedAt && endedAt <= settledAt,
          times.join(' <= '),
        )
      }
      engine.off('run', listener)
      await engine.run(sample('mid').inputs)
      assert.equal(seen.length, 2, 'off() takes the listener away')
    },
  },
  {
    id: 'events/throwing-listener',
    title: 'a listener that throws disturbs neither the run nor the other listeners',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      let calls = 0
      engine.on('run', () => {
        throw new Error('from a listener')
      })
      engine.on('run', () => calls++)
      sameOutputs(await engine.run(sample('add').inputs), sample('add').outputs)
      assert.equal(calls, 1)
    },
  },
]
