import assert from 'node:assert/strict'
import type { CloneOptions, Engine, JobId } from '@xpu-hal/core'
import { rejects, sameOutputs, throws } from '../assert.js'
import type { Case, CaseContext } from '../case.js'
import type { ModelName } from '../models/model.js'
import { runsOverlap } from '../overlap.js'
import { quiet } from '../quiet.js'
import { serial } from './helpers.js'

const RUNS = 12

/** Engines that are closed after the case like those that it opens: with the HAL. */
async function cloneOf(engine: Engine, options?: CloneOptions): Promise<Engine> {
  return quiet(await engine.clone(options))
}

async function answers(engine: Engine, { sample }: CaseContext, model: ModelName, seed = 1): Promise<void> {
  const { inputs, outputs } = sample(model, seed)
  sameOutputs(await engine.run(inputs), outputs)
}

export const clone: readonly Case[] = [
  {
    id: 'clone/answers-the-same',
    title:
      'a clone has the model, device and options of the original, an id of its own, and the same answers',
    models: ['add'],
    async run(context) {
      const engine = await context.open('add', { maxLoad: 7 })
      const twin = await cloneOf(engine)
      assert.notEqual(twin.id, engine.id)
      assert.deepEqual(
        [twin.model, twin.device.id, twin.options, twin.inputs, twin.outputs],
        [engine.model, engine.device.id, engine.options, engine.inputs, engine.outputs],
      )
      for (let seed = 0; seed < 4; seed++) {
        await answers(twin, context, 'add', seed)
        await answers(engine, context, 'add', seed)
      }
    },
  },
  {
    id: 'clone/says-whether-it-shares',
    title: 'sharesWeights is true or false on a clone, and false on an engine that is none',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add')
      assert.equal(engine.sharesWeights, false)
      const first = await cloneOf(engine)
      assert.equal(typeof first.sharesWeights, 'boolean')
      assert.equal(
        (await cloneOf(first)).sharesWeights,
        first.sharesWeights,
        'sharesWeights of a clone of a clone',
      )
    },
  },
  {
    id: 'clone/own-queue',
    title: 'an engine that is full leaves its clone all its room',
    models: ['slow'],
    requires: runsOverlap,
    async run({ open, sample }) {
      const engine = await open('slow', { ...serial, maxLoad: 1 })
      const twin = await cloneOf(engine)
      const { inputs, outputs } = sample('slow')
      const job = engine.tryRunAsync(inputs)
      throws(() => engine.tryRunAsync(inputs), 'HAL_RESOURCE_EXHAUSTED')
      assert.equal(twin.load, 0)
      const other = twin.tryRunAsync(inputs)
      assert.deepEqual([engine.load, twin.load], [1, 1])
      await rejects(twin.wait(job), 'HAL_NOT_FOUND')
      sameOutputs(await twin.wait(other), outputs)
      sameOutputs(await engine.wait(job), outputs)
    },
  },
  {
    id: 'clone/own-callback-and-stats',
    title: 'callback and statistics of an engine do not know of the runs of its clone',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const { inputs } = sample('add')
      const called: [string, JobId][] = []
      engine.registerCallback((_, __, job) => void called.push(['engine', job]))
      await engine.run(inputs)
      const twin = await cloneOf(engine)
      assert.equal(twin.stats().accepted, 0)
      await twin.run(inputs)
      assert.deepEqual(
        called.map(([name]) => name),
        ['engine'],
      )
      twin.registerCallback((_, __, job) => void called.push(['twin', job]))
      await twin.run(inputs)
      assert.deepEqual(
        called.map(([name]) => name),
        ['engine', 'twin'],
      )
      assert.notEqual(called[0]?.[1], called[1]?.[1], 'job ids of two engines')
      assert.deepEqual([engine.stats().succeeded, twin.stats().succeeded], [1, 2])
      engine.resetStats()
      assert.equal(twin.stats().succeeded, 2)
    },
  },
  {
    id: 'clone/original-closed-first',
    title: 'a clone goes on when the original is closed',
    models: ['add'],
    async run(context) {
      const engine = await context.open('add')
      const twin = await cloneOf(engine)
      await engine.close()
      for (let seed = 0; seed < 3; seed++) await answers(twin, context, 'add', seed)
      await twin.close()
    },
  },
  {
    id: 'clone/clone-closed-first',
    title: 'an engine goes on when its clone is closed, and can be cloned again',
    models: ['add'],
    async run(context) {
      const engine = await context.open('add')
      await (await cloneOf(engine)).close()
      for (let seed = 0; seed < 3; seed++) await answers(engine, context, 'add', seed)
      await answers(await cloneOf(engine), context, 'add')
    },
  },
  {
    id: 'clone/of-a-clone',
    title: 'a clone can be cloned, and the clone of the clone outlives both',
    models: ['add'],
    async run(context) {
      const engine = await context.open('add')
      const twin = await cloneOf(engine)
      const third = await cloneOf(twin)
      await twin.close()
      await answers(third, context, 'add', 2)
      await engine.close()
      await answers(third, context, 'add', 3)
    },
  },
  {
    id: 'clone/options',
    title:
      'a clone takes options of its own for its queue, inherits the others, and refuses the rest by name',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add', { maxLoad: 5, timeout: 60_000 })
      const twin = await cloneOf(engine, { maxLoad: 3, priority: 'high' })
      assert.deepEqual(twin.options, { ...engine.options, maxLoad: 3, priority: 'high' })
      assert.equal(engine.options.maxLoad, 5)
      await rejects(
        cloneOf(engine, { isolation: 'inline' } as CloneOptions),
        'HAL_INVALID_ARGUMENT',
        'isolation',
      )
      await rejects(
        cloneOf(engine, { maxLaod: 1 } as CloneOptions),
        'HAL_INVALID_ARGUMENT',
        'maxLaod',
        'maxLoad',
      )
      await rejects(cloneOf(engine, { maxLoad: 0 }), 'HAL_INVALID_ARGUMENT', 'maxLoad')
    },
  },
  {
    id: 'clone/both-busy',
    title: 'an engine and its clones that are busy at once answer every run, each its own',
    models: ['mid'],
    async run({ open, sample }) {
      const engine = await open('mid')
      const all = [engine, await cloneOf(engine), await cloneOf(engine)]
      const runs = Array.from({ length: RUNS }, (_, i) => {
        const at = i % all.length
        return (all[at] as Engine).run(sample('mid', i).inputs)
      })
      for (const [i, answer] of (await Promise.all(runs)).entries())
        sameOutputs(answer, sample('mid', i).outputs)
      assert.deepEqual(
        all.map((each) => each.stats().succeeded),
        all.map(() => RUNS / all.length),
      )
    },
  },
  {
    id: 'clone/closed-while-busy',
    title: 'closing an engine lets the accepted runs of its clone be',
    models: ['slow'],
    async run({ open, sample }) {
      const engine = await open('slow')
      const twin = await cloneOf(engine)
      const runs = Array.from({ length: 3 }, (_, i) => twin.run(sample('slow', i).inputs))
      await engine.close()
      for (const [i, run] of runs.entries()) sameOutputs(await run, sample('slow', i).outputs)
    },
  },
  {
    id: 'clone/tensors-of-either',
    title: 'what one of them allocated or answered is an input of the other',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add')
      const twin = await cloneOf(engine)
      const { inputs, outputs } = sample('add', 2)
      const a = engine.allocate('a')
      ;(a.data as Float32Array).set(inputs.a?.data as Float32Array)
      const sum = engine.allocate('sum')
      sameOutputs(await twin.run({ ...inputs, a }, { outputs: { sum } }), outputs)
      await engine.close()
      sameOutputs({ sum }, outputs)
      sameOutputs(await twin.run({ ...inputs, a }), outputs)
    },
  },
  {
    id: 'clone/bytes-of-the-past',
    title: 'bytes of a model may change once the engine is open: a clone has the model that was opened',
    models: ['add'],
    requires: ({ capabilities }) => (capabilities.modelFromBytes ? undefined : 'it takes files only'),
    async run(context) {
      const source = await context.source('add')
      const given =
        typeof source === 'string' || source instanceof URL || !('bytes' in source) ? source : source.bytes
      // A model of its own that is a file on this machine has no bytes to change.
      if (typeof given === 'string' || given instanceof URL) return
      const bytes = given instanceof Uint8Array ? given.slice() : new Uint8Array(given.slice(0))
      const { device, isolation } = context
      const engine = quiet(await context.hal.openEngine(bytes, { devices: [device.id], isolation }))
      bytes.fill(0)
      const twin = await cloneOf(engine)
      await engine.close()
      await answers(twin, context, 'add')
    },
  },
  {
    id: 'clone/closed-is-refused',
    title: 'an engine that is closing or closed cannot be cloned',
    models: ['add'],
    async run({ open }) {
      const engine = await open('add')
      const closing = engine.close()
      await rejects(engine.clone(), 'HAL_FAILED_PRECONDITION', engine.id)
      await closing
      await rejects(engine.clone(), 'HAL_FAILED_PRECONDITION', engine.id)
    },
  },
]
