import assert from 'node:assert/strict'
import type { Device, Engine, Isolation } from '@xpu-hal/core'
import type { Case, CaseContext } from '../case.js'
import { runsOverlap } from '../overlap.js'
import { backlog, serial } from './helpers.js'

/** Engines get in each other's way only where a core has no room for both. */
function oneSlot(device: Device, isolation: Isolation): string | undefined {
  if (device.cores[0]?.slots !== 1) return 'the core executes several runs at the same time'
  return runsOverlap(device, isolation)
}

const RUNS = 16

/** Both have `RUNS` runs of `slow` for one core; the engine of each that settles, in order. */
async function compete(context: CaseContext, engines: readonly [Engine, Engine]): Promise<Engine[]> {
  const settled: Engine[] = []
  for (const engine of engines) engine.on('run', () => settled.push(engine))
  await Promise.all(engines.flatMap((engine) => backlog(engine, context, RUNS)))
  return settled
}

export const fairness: readonly Case[] = [
  {
    id: 'fairness/equal-weights',
    title: 'two engines that always have runs waiting get equal shares of a core',
    models: ['slow'],
    requires: oneSlot,
    async run(context) {
      const first = await context.open('slow', serial)
      const second = await context.open('slow', serial)
      const settled = await compete(context, [first, second])
      const ofFirst = settled.slice(0, RUNS).filter((engine) => engine === first).length
      assert.ok(ofFirst >= RUNS / 4 && ofFirst <= (3 * RUNS) / 4, `${ofFirst} of the first ${RUNS} runs`)
    },
  },
  {
    id: 'fairness/weights',
    title: 'an engine of three times the weight gets the larger share of a core',
    models: ['slow'],
    requires: oneSlot,
    async run(context) {
      const heavy = await context.open('slow', { ...serial, weight: 3 })
      const light = await context.open('slow', { ...serial, weight: 1 })
      const settled = await compete(context, [light, heavy])
      const ofHeavy = settled.slice(0, RUNS).filter((engine) => engine === heavy).length
      // Twelve would be exact, eight equal.
      assert.ok(ofHeavy >= 10 && ofHeavy < RUNS, `${ofHeavy} of the first ${RUNS} runs`)
    },
  },
  {
    id: 'fairness/priority',
    title: 'runs of high priority overtake those that another engine has waiting',
    models: ['slow'],
    requires: oneSlot,
    async run(context) {
      const low = await context.open('slow', { ...serial, priority: 'low' })
      const high = await context.open('slow', { ...serial, priority: 'high' })
      const settled: Engine[] = []
      for (const engine of [low, high]) engine.on('run', () => settled.push(engine))
      const waiting = backlog(low, context, 12)
      await Promise.all([...waiting, ...backlog(high, context, 6)])
      const behind = settled.length - settled.lastIndexOf(high) - 1
      assert.ok(behind >= 8, `${behind} of 12 runs of low priority came after those of high priority`)
    },
  },
  {
    id: 'fairness/no-idle-core',
    title: 'an engine that may use all cores uses those that another one leaves free',
    models: ['slow'],
    requires: (device, isolation) =>
      device.cores.length < 2 ? `${device.id} has one core only` : oneSlot(device, isolation),
    async run(context) {
      const bound = await context.open('slow', serial)
      const free = await context.open('slow', { maxLoad: 64 })
      const used = new Set<string>()
      free.on('run', ({ core }) => used.add(core))
      const waiting = backlog(bound, context, 12)
      const [first] = context.device.cores
      await Promise.all(backlog(free, context, context.device.cores.length - 1))
      assert.ok(!used.has(first?.id as string), `it was executed on ${[...used].join(', ')}`)
      assert.equal(used.size, context.device.cores.length - 1)
      await Promise.all(waiting)
    },
  },
]
