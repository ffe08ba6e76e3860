import { mock } from '@xpu-hal/backend-mock'
import { createHal, type Isolation, type OpenProgress, tensor } from '@xpu-hal/core'
import { describe, expect, test } from 'vitest'
import { doubling } from './driver.js'

const { bytes: model } = doubling() as { readonly bytes: Uint8Array }
const x = tensor('float32', [2], [1, 2])

describe.each(['thread', 'process', 'inline'] as const)(
  'warm-up with isolation %s',
  (isolation: Isolation) => {
    test('every worker executes so many runs before the engine is there', async () => {
      const backend = mock({ cores: 3 })
      await using hal = createHal({ backends: [backend] })
      const seen: OpenProgress[] = []
      const onProgress = (progress: OpenProgress) => seen.push(progress)
      const engine = await hal.openEngine(model, { isolation, warmUp: 2 }, { onProgress })
      expect(engine.options.workers).toBe(3)
      expect(backend.devices[0]?.counters.runs).toBe(6)
      expect(seen).toEqual([
        { phase: 'load', done: 1, total: 1, device: 'mock:0' },
        ...[1, 2, 3, 4, 5, 6].map((done) => ({ phase: 'warm-up', done, total: 6, device: 'mock:0' })),
      ])
      expect(engine.stats()).toMatchObject({ accepted: 0, succeeded: 0, bytesCopied: 0 })
      expect(await engine.run({ x })).toEqual({ y: tensor('float32', [2], [2, 4]) })
    })

    test('a run that fails closes all of it', async () => {
      const backend = mock({ cores: 2 })
      const [npu] = backend.devices
      npu?.inject({ fault: 'fail', code: 'HAL_RESOURCE_EXHAUSTED' })
      await using hal = createHal({ backends: [backend] })
      await expect(hal.openEngine(model, { isolation, warmUp: 3 })).rejects.toMatchObject({
        code: 'HAL_RESOURCE_EXHAUSTED',
        message: expect.stringContaining('the warm-up failed (run 1 of 3'),
        device: 'mock:0',
      })
      expect(npu?.counters.engines).toBe(0)
      await using engine = await hal.openEngine(model, { isolation, warmUp: 3 })
      expect(await engine.run({ x })).toEqual({ y: tensor('float32', [2], [2, 4]) })
    })
  },
)

test('the cores of several devices are warmed up, and count as workers', async () => {
  const backend = mock({ devices: 2, cores: 2 })
  await using hal = createHal({ backends: [backend] })
  const engine = await hal.openEngine(model, { devices: [0, 1], warmUp: 3, workers: 'auto' })
  expect(backend.devices.map(({ counters }) => counters.runs)).toEqual([6, 6])
  expect(engine.options.workers).toBe(4)
})

test('a timeout ends a warm-up whose run never comes back, and nothing is left open', async () => {
  const backend = mock({ cores: 2 })
  backend.devices[0]?.inject({ fault: 'never' })
  await using hal = createHal({ backends: [backend] })
  const opening = hal.openEngine(model, { warmUp: 1000 }, { timeout: 300 })
  await expect(opening).rejects.toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED' })
  await hal.close()
  expect(backend.devices[0]?.counters.engines).toBe(0)
  expect(backend.devices[0]?.counters.runs).toBeLessThan(2000)
})

test('a signal ends a warm-up while its runs execute', async () => {
  const backend = mock({ cores: 2, computeMs: [0, 3_600_000] })
  await using hal = createHal({ backends: [backend] })
  const abort = new AbortController()
  const reason = new Error('changed my mind')
  const onProgress = ({ phase }: OpenProgress) => {
    if (phase === 'warm-up') abort.abort(reason)
  }
  const opening = hal.openEngine(model, { warmUp: 1 }, { signal: abort.signal, onProgress })
  await expect(opening).rejects.toMatchObject({ code: 'HAL_ABORTED', cause: reason })
  await hal.close()
  expect(backend.devices[0]?.counters.engines).toBe(0)
})

test.each(['thread', 'process'] as const)(
  'a device that is lost ends the warm-up, isolation %s',
  async (isolation) => {
    const backend = mock({ cores: 2, computeMs: [0, 3_600_000] })
    await using hal = createHal({ backends: [backend] })
    const onProgress = ({ phase }: OpenProgress) => {
      if (phase === 'warm-up') backend.devices[0]?.lose('cable')
    }
    const opening = hal.openEngine(model, { isolation, warmUp: 1 }, { onProgress })
    await expect(opening).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST', device: 'mock:0' })
    expect(backend.devices[0]?.counters.engines).toBe(0)
    backend.devices[0]?.recover()
    await using engine = await hal.openEngine(model, { isolation, boundOption: 'NPU_0', warmUp: 1 })
    expect(await engine.run({ x })).toEqual({ y: tensor('float32', [2], [2, 4]) })
  },
)

test('a clone is warmed up as well', async () => {
  const backend = mock({ cores: 2 })
  await using hal = createHal({ backends: [backend] })
  const engine = await hal.openEngine(model, { warmUp: 2 })
  const clone = await engine.clone({ workers: 1 })
  expect(backend.devices[0]?.counters.runs).toBe(4 + 2)
  expect(clone.options.workers).toBe(1)
})
