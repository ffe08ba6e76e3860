import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { mock } from '@xpu-hal/backend-mock'
import { connectEngine, createHal, type Engine, type EngineHandle, type Tensor, tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { afterEach, describe, expect, test } from 'vitest'

const value = { dataType: 'float32', shape: [2] } as const
const model = encodeModel({
  opset: 18,
  graph: {
    name: 'negation',
    inputs: [{ name: 'x', ...value }],
    outputs: [{ name: 'y', ...value }],
    nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
  },
})
const x = tensor('float32', [2], [1, -2])

const workers: Worker[] = []
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
})

function start(script: string, workerData: object, transferList: EngineHandle[] = []): Worker {
  const worker = new Worker(new URL(`./fixtures/${script}.mjs`, import.meta.url), {
    workerData,
    transferList,
  })
  workers.push(worker)
  return worker
}

describe('an engine of a worker thread, used by the main thread', () => {
  async function owned(settings: object): Promise<{ engine: Engine; worker: Worker }> {
    const worker = start('share-owner', { model, ...settings })
    const [handle] = (await once(worker, 'message')) as [EngineHandle]
    return { engine: await connectEngine(handle), worker }
  }

  test('answers, also where the main thread stands still for it', async () => {
    const { engine } = await owned({ computeMs: 1 })
    expect(Array.from((await engine.run({ x })).y?.data as Float32Array)).toEqual([-1, 2])
    expect(Array.from(engine.runSync({ x }).y?.data as Float32Array)).toEqual([-1, 2])
    expect(engine.stats()).toMatchObject({ succeeded: 2, bytesCopied: 0, load: 0 })
  })

  test('is lost with its thread: what is pending and all that comes after', async () => {
    const { engine, worker } = await owned({ computeMs: 60_000 })
    const run = engine.run({ x })
    const job = await engine.runAsync({ x })
    const waiting = engine.wait(job)
    const closing = engine.close()
    worker.postMessage('leave')
    for (const promise of [run, waiting]) {
      await expect(promise).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    }
    await closing
  })

  test('says so to one that asks afterwards', async () => {
    const { engine, worker } = await owned({ computeMs: 0 })
    await engine.run({ x })
    worker.postMessage('leave')
    await once(worker, 'exit')
    expect(() => engine.stats()).toThrow(expect.objectContaining({ code: 'HAL_DEVICE_LOST' }))
    await expect(engine.run({ x })).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    await engine.close()
  })

  test('does not leave a thread standing still when its own ends', async () => {
    const { engine } = await owned({ computeMs: 60_000, leaveAfterMs: 100 })
    expect(() => engine.runSync({ x })).toThrow(expect.objectContaining({ code: 'HAL_DEVICE_LOST' }))
  })
})

test('outputs that lie in memory of other processes are copied for another thread, and counted', async () => {
  await using hal = createHal({ backends: [mock()] })
  const engine = await hal.openEngine(model, { isolation: 'process' })
  const remote = await connectEngine(engine.share())
  const { y } = await remote.run({ x })
  expect(Array.from(y?.data as Float32Array)).toEqual([-1, 2])
  expect((y as Tensor<'float32'>).data.buffer).toBeInstanceOf(SharedArrayBuffer)
  // In to the process, and out of it.
  expect(engine.stats().bytesCopied).toBe(16)
  const mine = tensor('float32', [2])
  expect((await remote.run({ x }, { outputs: { y: mine } })).y).toBe(mine)
  expect(Array.from(mine.data)).toEqual([-1, 2])
  expect(engine.stats().bytesCopied).toBe(32)
})

test('threads that submit, cancel, wait, stand still and leave as they like: every answer is right and nothing is left', async () => {
  await using hal = createHal({ backends: [mock({ cores: 3, computeMs: { min: 0, max: 3 } })] })
  const engine = await hal.openEngine(model, { maxLoad: 12 })
  const stay = [1, 2, 3].map((seed) => ({ seed }))
  const leave = [4, 5].map((seed) => ({ seed, leaveAfter: 60 }))
  const threads = [...stay, ...leave].map((settings) => {
    const handle = engine.share()
    return start('share-user', { handle, runs: 200, ...settings }, [handle])
  })
  const books = await Promise.all(
    threads.map((thread, i) =>
      i < stay.length ? once(thread, 'message') : once(thread, 'exit').then(() => []),
    ),
  )
  for (const [book] of books.slice(0, stay.length)) {
    const { right, wrong, aborted, late, full, unknown } = book
    expect({ wrong, unknown }).toEqual({ wrong: 0, unknown: [] })
    expect(right + aborted + late + full).toBe(200)
    expect(right).toBeGreaterThan(50)
  }
  expect(Array.from((await engine.run({ x })).y?.data as Float32Array)).toEqual([-1, 2])
  await engine.close()
  const { accepted, succeeded, cancelled, timedOut, failed, load } = engine.stats()
  expect({ settled: succeeded + cancelled + timedOut, failed, load }).toEqual({
    settled: accepted,
    failed: 0,
    load: 0,
  })
})
