import { afterEach, describe, expect, it, vi } from 'vitest'
import type { EngineDriver } from '../src/backend.ts'
import { createHal } from '../src/index.ts'
import {
  failure,
  flush,
  ManualBackend,
  ManualEngine,
  MODEL,
  openManual,
  tagged,
} from './fixtures/manual-backend.ts'

afterEach(() => void vi.useRealTimers())

/** A device whose models open when the test says so. */
function slow() {
  let finish = () => {}
  const opened: ManualEngine[] = []
  const backend = new ManualBackend('manual', [
    {
      open: (request) =>
        new Promise<EngineDriver>((resolve) => {
          finish = () => {
            const engine = new ManualEngine(request)
            opened.push(engine)
            resolve(engine)
          }
        }),
    },
  ])
  return { hal: createHal({ backends: [backend] }), backend, opened, finish: () => finish() }
}

describe('createHal', () => {
  it('needs backends', () => {
    for (const options of [undefined, {}, { backends: 'npu' }]) {
      expect(() => createHal(options as never)).toThrow(TypeError)
    }
  })

  it('finds the devices of all backends, once', async () => {
    const backends = [new ManualBackend('a', [{}, {}]), new ManualBackend('b')]
    const find = vi.spyOn(backends[0] as ManualBackend, 'doDevices')
    const hal = createHal({ backends })
    expect(find).not.toHaveBeenCalled()
    const devices = await hal.devices()
    await hal.devices()
    expect(devices.map(({ id, backend, lost }) => [id, backend, lost])).toEqual([
      ['a:0', 'a', false],
      ['a:1', 'a', false],
      ['b:0', 'b', false],
    ])
    expect(find).toHaveBeenCalledTimes(1)
    expect(await devices[0]?.status()).toEqual({})
    expect(devices[0]?.options.map(({ name }) => name)).toContain('maxLoad')
  })

  it('gives every engine its own id, its model and its device', async () => {
    const { engine, hal } = await openManual()
    const other = await hal.openEngine(MODEL)
    expect(other.id).not.toBe(engine.id)
    expect(engine).toMatchObject({ model: '1 bytes', device: { id: 'manual:0' }, load: 0 })
  })

  it('closes a driver whose engine could not be made', async () => {
    const opened: ManualEngine[] = []
    const open = async (request: ConstructorParameters<typeof ManualEngine>[0]) => {
      const engine = new ManualEngine(request, { lanes: [{ core: 'NPU_9', depth: 1 }] })
      opened.push(engine)
      return engine
    }
    const error = await failure(openManual({ open }))
    expect(error).toMatchObject({ code: 'HAL_INTERNAL', device: 'manual:0' })
    expect(opened[0]?.closed).toBe(1)
  })
})

describe('openEngine', () => {
  it('given up on rejects at once; what opens too late is closed', async () => {
    vi.useFakeTimers()
    const { hal, opened, finish } = slow()
    const opening = failure(hal.openEngine(MODEL, {}, { timeout: 100 }))
    await flush()
    vi.advanceTimersByTime(100)
    expect((await opening).code).toBe('HAL_DEADLINE_EXCEEDED')
    finish()
    await flush()
    expect(opened[0]?.closed).toBe(1)
  })

  it('ends with the signal, and does not begin with one that has fired', async () => {
    const { hal, opened, finish } = slow()
    const abort = new AbortController()
    const opening = failure(hal.openEngine(MODEL, {}, { signal: abort.signal }))
    await flush()
    abort.abort('no more')
    expect(await opening).toMatchObject({ code: 'HAL_ABORTED', cause: 'no more' })
    finish()
    await flush()
    expect(opened[0]?.closed).toBe(1)
    expect((await failure(hal.openEngine(MODEL, {}, { signal: AbortSignal.abort() }))).code).toBe(
      'HAL_ABORTED',
    )
  })

  it('wants a model', async () => {
    const { hal } = await openManual()
    expect(await failure(hal.openEngine(undefined as never))).toBeInstanceOf(TypeError)
    expect((await failure(hal.openEngine('none.onnx'))).code).toBe('HAL_NOT_FOUND')
    expect((await failure(hal.openEngine(MODEL, {}, { timeout: -1 }))).code).toBe('HAL_INVALID_ARGUMENT')
  })
})

describe('hal.close', () => {
  it('closes engines, then backends, once', async () => {
    const { hal, backend, engine, driver } = await openManual()
    const run = engine.run(tagged(1))
    const closing = hal.close()
    expect(hal.close()).toBe(closing)
    await flush()
    expect([driver.closed, backend.closed]).toEqual([0, 0])
    driver.answer()
    await run
    await closing
    await hal[Symbol.asyncDispose]()
    expect([driver.closed, backend.closed]).toEqual([1, 1])
    expect((await failure(hal.devices())).code).toBe('HAL_FAILED_PRECONDITION')
    expect((await failure(hal.openEngine(MODEL))).code).toBe('HAL_FAILED_PRECONDITION')
  })

  it('waits for engines that are being opened, and closes them', async () => {
    const { hal, opened, backend, finish } = slow()
    const opening = hal.openEngine(MODEL)
    await flush()
    const closing = hal.close()
    finish()
    const engine = await opening
    await closing
    expect(opened[0]?.closed).toBe(1)
    expect(backend.closed).toBe(1)
    expect((await failure(engine.run(tagged(1)))).code).toBe('HAL_FAILED_PRECONDITION')
  })

  it('closes the others when one cannot be closed, and says so', async () => {
    const { hal, backend, driver } = await openManual()
    await hal.openEngine(MODEL)
    driver.onClose = () => Promise.reject(new Error('stuck'))
    expect((await failure(hal.close())).message).toBe('stuck')
    expect(backend.engines.map(({ closed }) => closed)).toEqual([1, 1])
    expect(backend.closed).toBe(1)
  })

  it('refuses a timeout that is none, and can then be called again', async () => {
    const { hal, backend } = await openManual()
    const error = await failure(Promise.resolve().then(() => hal.close({ timeout: -1 })))
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
    await hal.close()
    expect(backend.closed).toBe(1)
  })

  it('passes its timeout on to the engines', async () => {
    const { hal, engine, driver } = await openManual()
    const run = failure(engine.run(tagged(1)))
    await hal.close({ timeout: 1 })
    expect((await run).code).toBe('HAL_ABORTED')
    expect(driver.closed).toBe(1)
  })

  it('has nothing to close when a backend could not be had', async () => {
    const backend = new ManualBackend()
    const find = vi.spyOn(backend, 'doDevices')
    const hal = createHal({ backends: [backend, null as never] })
    await failure(hal.devices())
    await hal.close()
    expect(find).not.toHaveBeenCalled()
  })

  it('of a HAL that was never used does nothing', async () => {
    const backend = new ManualBackend()
    await createHal({ backends: [backend] }).close()
    expect(backend.closed).toBe(0)
  })
})

it('closing with a timeout does not wait for a model that never opens', async () => {
  vi.useFakeTimers()
  const never = new ManualBackend('manual', [{ open: () => new Promise<EngineDriver>(() => {}) }])
  const hal = createHal({ backends: [never] })
  hal.openEngine(MODEL).catch(() => {})
  await flush()
  const closing = failure(hal.close({ timeout: 100 }))
  await vi.advanceTimersByTimeAsync(100)
  expect(await closing).toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED' })
})

it('a model that opens after the HAL was closed is closed too', async () => {
  vi.useFakeTimers()
  const { hal, opened, finish } = slow()
  hal.openEngine(MODEL).catch(() => {})
  await flush()
  const closing = failure(hal.close({ timeout: 100 }))
  await vi.advanceTimersByTimeAsync(100)
  await closing
  finish()
  await flush()
  expect(opened[0]?.closed).toBe(1)
})

it('closing with a timeout longer than a timer can hold waits for the model', async () => {
  vi.useFakeTimers()
  const { hal, finish } = slow()
  hal.openEngine(MODEL).catch(() => {})
  await flush()
  const closing = hal.close({ timeout: 2 ** 32 })
  await vi.advanceTimersByTimeAsync(100)
  finish()
  await closing
})

it('an event that does not exist is refused with the likely name', async () => {
  const { engine } = await openManual()
  // biome-ignore lint/suspicious/noExplicitAny: what a JavaScript caller might write
  expect(() => engine.on('eror' as any, () => {})).toThrow("did you mean 'error'?")
})
