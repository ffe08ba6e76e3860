import assert from 'node:assert/strict'
import type { Device, EngineOptions, Isolation } from '@xpu-hal/core'
import { rejects, sameOutputs } from '../assert.js'
import type { Case, CaseContext } from '../case.js'
import { runsOverlap } from '../overlap.js'

/** The device under test and the next one of its kind. */
function two(device: Device, all: readonly Device[]): readonly [Device, Device] | undefined {
  const other = all.find(({ id, backend }) => id !== device.id && backend === device.backend)
  return other && [device, other]
}

function several(device: Device, _: Isolation, all: readonly Device[]): string | undefined {
  return two(device, all) === undefined ? `${device.backend} has one device only` : undefined
}

function severalAtOnce(device: Device, isolation: Isolation, all: readonly Device[]): string | undefined {
  return several(device, isolation, all) ?? runsOverlap(device, isolation)
}

async function pair({ hal, device }: CaseContext): Promise<readonly [Device, Device]> {
  return two(device, await hal.devices()) as readonly [Device, Device]
}

async function open(context: CaseContext, model: 'slow' | 'add', options: EngineOptions = {}) {
  const devices = (await pair(context)).map(({ id }) => id)
  return context.open(model, { devices, spread: true, maxLoad: 64, ...options })
}

export const spread: readonly Case[] = [
  {
    id: 'spread/both-work',
    title: 'a model on two devices is executed on both, and every run gets its own answer',
    models: ['slow'],
    requires: severalAtOnce,
    async run(context) {
      const engine = await open(context, 'slow')
      const ids = (await pair(context)).map(({ id }) => id)
      assert.deepEqual(
        engine.devices.map(({ id }) => id),
        ids,
      )
      const used = new Set<string>()
      engine.on('run', ({ device }) => used.add(device))
      const samples = Array.from({ length: 24 }, (_, i) => context.sample('slow', i))
      const answers = await Promise.all(samples.map(({ inputs }) => engine.run(inputs)))
      for (const [i, answer] of answers.entries()) sameOutputs(answer, samples[i]?.outputs ?? {})
      assert.deepEqual([...used].sort(), [...ids].sort())
    },
  },
  {
    id: 'spread/positions',
    title: 'devices can be named by their positions',
    models: ['add'],
    requires: several,
    async run(context) {
      const all = await context.hal.devices()
      const wanted = await pair(context)
      const engine = await context.open('add', { devices: wanted.map((device) => all.indexOf(device)) })
      assert.deepEqual(engine.devices, wanted)
      const { inputs, outputs } = context.sample('add')
      sameOutputs(await engine.run(inputs), outputs)
      await rejects(context.open('add', { devices: [all.length] }), 'HAL_NOT_FOUND', String(all.length))
    },
  },
  {
    id: 'spread/no-copy',
    title: 'tensors of the engine reach every device without a copy',
    models: ['add'],
    requires: (device, isolation, all) =>
      device.capabilities.outputsInPlace === false
        ? 'its outputs are copied'
        : severalAtOnce(device, isolation, all),
    async run(context) {
      const engine = await open(context, 'add')
      const { inputs, outputs } = context.sample('add')
      const runs = Array.from({ length: 16 }, () => {
        const own = Object.entries(inputs).map(([name, { data }]) => {
          const tensor = engine.allocate(name)
          ;(tensor.data as Float32Array).set(data as Float32Array)
          return [name, tensor] as const
        })
        return engine.run(Object.fromEntries(own))
      })
      for (const answer of await Promise.all(runs)) sameOutputs(answer, outputs)
      assert.equal(engine.stats().bytesCopied, 0)
    },
  },
  {
    id: 'spread/preference',
    title: 'without spread, a list of devices is an order of preference',
    models: ['add'],
    requires: several,
    async run(context) {
      const [first, second] = await pair(context)
      const engine = await context.open('add', { devices: [second.id, first.id] })
      assert.deepEqual(
        engine.devices.map(({ id }) => id),
        [second.id],
      )
    },
  },
]
