import assert from 'node:assert/strict'
import type { Priority } from '@xpu-hal/core'
import { sameOutputs, turn } from '../assert.js'
import type { Case } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { backlog, serial, settlements } from './helpers.js'

export const scheduling: readonly Case[] = [
  {
    id: 'priority/high-overtakes-low',
    title: 'a run of high priority overtakes runs of low priority that are queued',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', serial)
      const settled = settlements(engine)
      const { inputs, outputs } = sample('slow')
      const submit = (priority: Priority) => engine.tryRunAsync(inputs, undefined, { priority })
      const low = Array.from({ length: 8 }, () => submit('low'))
      const high = submit('high')
      for (const job of [high, ...low]) sameOutputs(await engine.wait(job), outputs)
      const lowBehind = low.filter((job) => settled.indexOf(job) > settled.indexOf(high))
      assert.ok(lowBehind.length > 0, `settled: ${settled.join(', ')}; the one of high priority is ${high}`)
    },
  },
  {
    id: 'priority/low-gets-its-turn',
    title: 'a run of low priority gets its turn while there is no end of runs of high priority',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid', serial)
      const settled = settlements(engine)
      const { inputs } = sample('mid')
      const submit = (priority: Priority) => engine.tryRunAsync(inputs, undefined, { priority })
      const first = Array.from({ length: 4 }, () => submit('high'))
      const low = submit('low')
      const high = Array.from({ length: 58 }, () => submit('high'))
      await Promise.all([...first, low, ...high].map((job) => engine.wait(job)))
      assert.notEqual(settled.at(-1), low, 'it came after every one of 62 runs of high priority')
    },
  },
  {
    id: 'priority/order-among-equals',
    title: 'on one core, runs of the same priority settle in the order of their submission',
    models: ['mid'],
    requires: ({ cores }) =>
      cores[0]?.slots === 1 ? undefined : 'the core executes several runs at the same time',
    async run({ open, sample }) {
      const engine = await open('mid', serial)
      const settled = settlements(engine)
      const ids = Array.from({ length: 16 }, (_, i) => engine.tryRunAsync(sample('mid', i).inputs))
      await Promise.all(ids.map((job) => engine.wait(job)))
      assert.deepEqual(settled, ids)
    },
  },
  {
    id: 'event-loop/free-while-running',
    title: 'the event loop turns while runs execute',
    models: ['slow'],
    requires: runsOverlap,
    async run(context) {
      const engine = await context.open('slow', serial)
      const runs = backlog(engine, context, 4)
      let turns = 0
      let over = false
      const all = Promise.all(runs).finally(() => {
        over = true
      })
      while (!over && turns < 1000) {
        await turn()
        turns++
      }
      // One turn at least for each answer, if each came alone: a blocked loop gives none while a run executes.
      assert.ok(turns >= 8, `${turns} turns during 4 runs`)
      for (const answer of await all) sameOutputs(answer, context.sample('slow').outputs)
    },
  },
]
