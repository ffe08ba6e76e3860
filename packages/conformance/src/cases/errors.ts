import assert from 'node:assert/strict'
import { HalError, tensor } from '@xpu-hal/core'
import { sameOutputs } from '../assert.js'
import type { Case } from '../case.js'

const bad = { a: tensor('float32', [2]), b: tensor('float32', [3]) }

export const errors: readonly Case[] = [
  {
    id: 'errors/failing-run',
    title: 'a run that fails in the device rejects with a HalError that names device, engine and job',
    models: ['add-dynamic'],
    async run({ open, device }) {
      const engine = await open('add-dynamic')
      const error = await engine.run(bad).catch((reason: unknown) => reason)
      assert.ok(HalError.isInstance(error), `expected a HalError, got ${String(error)}`)
      assert.match(error.code, /^HAL_[A-Z_]+$/)
      assert.deepEqual([error.device, error.engine, typeof error.job], [device.id, engine.id, 'number'])
      assert.ok(error.message.length > 0, 'it says what happened')
    },
  },
  {
    id: 'errors/engine-survives',
    title: 'after failed runs the engine gives right answers',
    models: ['add-dynamic'],
    async run({ open, sample }) {
      const engine = await open('add-dynamic')
      const { inputs, outputs } = sample('add-dynamic')
      for (let i = 0; i < 5; i++) {
        const [failed, good] = await Promise.allSettled([engine.run(bad), engine.run(inputs)])
        assert.equal(failed?.status, 'rejected')
        sameOutputs(good?.status === 'fulfilled' ? good.value : {}, outputs)
      }
      assert.equal(engine.load, 0)
    },
  },
]
