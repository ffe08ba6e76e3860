import assert from 'node:assert/strict'
import type { OpenProgress, Tensor } from '@xpu-hal/core'
import { rejects, sameOutputs } from '../assert.js'
import type { Case } from '../case.js'

export const warmUp: readonly Case[] = [
  {
    id: 'warm-up/every-worker',
    title: 'with warmUp every worker executes so many runs before the engine is there, and each is told of',
    models: ['add'],
    async run({ open, sample, device }) {
      const seen: OpenProgress[] = []
      const onProgress = (progress: OpenProgress) => seen.push(progress)
      const { inputs, outputs } = sample('add')
      const engine = await open('add', { warmUp: 3 }, { warmUpInputs: inputs, onProgress })
      const total = 3 * Number(engine.options.workers)
      assert.deepEqual(seen, [
        { phase: 'load', done: 1, total: 1, device: device.id },
        ...Array.from({ length: total }, (_, i) => ({
          phase: 'warm-up',
          done: i + 1,
          total,
          device: device.id,
        })),
      ])
      sameOutputs(await engine.run(inputs), outputs)
    },
  },
  {
    id: 'warm-up/not-counted',
    title: 'the runs of a warm-up are in no statistics',
    models: ['add'],
    async run({ open, sample }) {
      const engine = await open('add', { warmUp: 2 }, { warmUpInputs: sample('add').inputs })
      const { accepted, succeeded, bytesCopied, latency } = engine.stats()
      assert.deepEqual([accepted, succeeded, bytesCopied, latency.count, engine.load], [0, 0, 0, 0, 0])
    },
  },
  {
    id: 'warm-up/refused-inputs',
    title: 'warmUpInputs that are none fail the opening, and leave the device usable',
    models: ['add'],
    async run({ open, sample }) {
      const { inputs, outputs } = sample('add')
      const broken = Object.fromEntries(Object.keys(inputs).map((name) => [name, 42 as unknown as Tensor]))
      await rejects(
        open('add', { warmUp: 1 }, { warmUpInputs: broken }),
        'HAL_INVALID_ARGUMENT',
        'warmUpInputs',
      )
      sameOutputs(await (await open('add')).run(inputs), outputs)
    },
  },
  {
    id: 'warm-up/given-up',
    title: 'the signal of an opening ends its warm-up, and the device is free for the next engine',
    models: ['add'],
    async run({ open, sample }) {
      const { inputs, outputs } = sample('add')
      const abort = new AbortController()
      const onProgress = ({ phase }: OpenProgress) => {
        if (phase === 'warm-up') abort.abort()
      }
      const control = { warmUpInputs: inputs, signal: abort.signal, onProgress }
      await rejects(open('add', { warmUp: 1000 }, control), 'HAL_ABORTED')
      sameOutputs(await (await open('add')).run(inputs), outputs)
    },
  },
]
