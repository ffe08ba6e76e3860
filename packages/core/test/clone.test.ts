import { afterEach, describe, expect, it, vi } from 'vitest'
import type { EngineDriver, OpenRequest } from '../src/backend.ts'
import { createHal, HalError } from '../src/index.ts'
import {
  cores,
  failure,
  flush,
  ManualBackend,
  ManualEngine,
  numbers,
  openManual,
  tagged,
} from './fixtures/manual-backend.ts'

afterEach(() => void vi.useRealTimers())

/** A device that keeps what it was asked, and holds every opening but the first until the test lets it go on. */
function slowToOpen() {
  const requests: OpenRequest[] = []
  const drivers: ManualEngine[] = []
  let letGo = () => {}
  const open = async (request: OpenRequest): Promise<EngineDriver> => {
    if (requests.push(request) > 1) await new Promise<void>((resolve) => (letGo = resolve))
    const driver = new ManualEngine(request)
    drivers.push(driver)
    return driver
  }
  return { requests, drivers, open, letGo: () => letGo() }
}

describe('engine.clone', () => {
  it('opens the same model like the driver of the original, with its options but those given', async () => {
    const { engine, driver, backend } = await openManual({}, { timeout: 700, maxLoad: 5, priority: 'low' })
    const clone = await engine.clone({ maxLoad: 9, ...({ priority: undefined } as object) })
    const [, cloned] = backend.engines
    expect(cloned?.request.like).toBe(driver)
    expect(cloned?.request).toMatchObject({ engine: clone.id, cores: driver.request.cores })
    expect(clone.options).toEqual({ ...engine.options, maxLoad: 9 })
    expect(clone).toMatchObject({ model: engine.model, device: engine.device, sharesWeights: false })
    expect(clone.id).not.toBe(engine.id)
  })

  it('works on other cores of the device where it is told to', async () => {
    const { engine, backend } = await openManual({ cores: cores(3) }, { boundOption: 'NPU_0' })
    const clone = await engine.clone({ boundOption: 'NPU_12' })
    expect(backend.engines[1]?.request.cores).toEqual(['NPU_1', 'NPU_2'])
    expect(clone.options.boundOption).toBe('NPU_12')
    expect((await failure(clone.clone({ boundOption: ['NPU_7'] }))).message).toContain('NPU_7')
  })

  it('says that it shares the weights where its driver says so', async () => {
    const open = async (request: OpenRequest) =>
      Object.assign(new ManualEngine(request), { sharesWeights: request.like !== undefined })
    const { engine } = await openManual({ open })
    expect([engine, await engine.clone()].map(({ sharesWeights }) => sharesWeights)).toEqual([false, true])
  })

  it('gives a clone that is cloned and lives on when the one before it is closed', async () => {
    const { engine, backend } = await openManual()
    const clone = await engine.clone({ maxLoad: 3 })
    await engine.close()
    const third = await clone.clone()
    await clone.close()
    expect(third.options.maxLoad).toBe(3)
    expect(backend.engines[2]?.request.like).toBe(backend.engines[1])
    const run = third.run(tagged(4))
    backend.engines[2]?.answer()
    expect(numbers((await run).y)).toEqual([4, 4, 4, 4])
  })

  it.each([
    ['a word of another option', { isolation: 'inline' }, "'isolation' is that of the engine that is cloned"],
    ['a name that does not exist', { maxload: 3 }, "did you mean 'maxLoad'?"],
    ['a value out of range', { maxLoad: 0 }, "'maxLoad' is at least 1"],
  ])('refuses %s', async (_, options, message) => {
    const { engine, backend } = await openManual()
    const error = await failure(engine.clone(options as object))
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
    expect(error.message).toContain(message)
    expect(backend.engines).toHaveLength(1)
  })

  it('is refused by an engine that is closing or closed, and by one that is lost until it is back', async () => {
    const { engine, backend, hal } = await openManual()
    backend.tell('manual:0', { kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'gone') })
    expect(await failure(engine.clone())).toMatchObject({ code: 'HAL_DEVICE_LOST', engine: engine.id })
    backend.tell('manual:0', { kind: 'recovered' })
    const clone = await engine.clone()
    const closing = engine.close()
    expect(await failure(engine.clone())).toMatchObject({
      code: 'HAL_FAILED_PRECONDITION',
      engine: engine.id,
    })
    await closing
    expect((await failure(engine.clone())).code).toBe('HAL_FAILED_PRECONDITION')
    await hal.close()
    expect((await failure(clone.clone())).code).toBe('HAL_FAILED_PRECONDITION')
  })

  it('names engine and device when the device refuses, and leaves the original as it was', async () => {
    const open = async (request: OpenRequest) => {
      if (request.like !== undefined) throw new Error('no more room')
      return new ManualEngine(request)
    }
    const { engine, hal } = await openManual({ open })
    expect(await failure(engine.clone())).toMatchObject({ message: 'no more room', device: 'manual:0' })
    expect(engine.load).toBe(0)
    await hal.close()
  })

  it('a device that is lost fails clones as well', async () => {
    const { engine, backend } = await openManual()
    const clone = await engine.clone()
    const run = failure(clone.run(tagged(1)))
    backend.tell('manual:0', { kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'gone') })
    expect(await run).toMatchObject({ code: 'HAL_DEVICE_LOST', engine: clone.id })
  })
})

describe('while a clone is being opened', () => {
  it('the driver that it is opened like stays open', async () => {
    const device = slowToOpen()
    const { engine } = await openManual({ open: device.open })
    const cloning = engine.clone()
    await flush()
    const closing = engine.close()
    await flush()
    expect(device.drivers[0]?.closed).toBe(0)
    device.letGo()
    const clone = await cloning
    await closing
    expect(device.drivers.map(({ closed }) => closed)).toEqual([1, 0])
    await clone.close()
  })

  it('a timeout or a signal gives up on it; it is closed when it opens all the same', async () => {
    const device = slowToOpen()
    const { engine, hal } = await openManual({ open: device.open })
    const abort = new AbortController()
    const cloning = failure(engine.clone({}, { signal: abort.signal }))
    await flush()
    abort.abort()
    expect((await cloning).code).toBe('HAL_ABORTED')
    const closing = engine.close()
    await flush()
    expect(device.drivers[0]?.closed).toBe(0)
    device.letGo()
    await closing
    await hal.close()
    expect(device.drivers.map(({ closed }) => closed)).toEqual([1, 1])
    expect((await failure(engine.clone({}, { timeout: -1 }))).code).toBe('HAL_INVALID_ARGUMENT')
  })

  it('closing the HAL waits for it and closes it', async () => {
    const device = slowToOpen()
    const { engine, hal } = await openManual({ open: device.open })
    const cloning = engine.clone()
    await flush()
    const closing = hal.close()
    await flush()
    device.letGo()
    await Promise.all([cloning, closing])
    expect(device.drivers.map(({ closed }) => closed)).toEqual([1, 1])
  })
})

describe('the bytes of the model', () => {
  async function bytesOfClone(keepsModel: boolean) {
    const requests: OpenRequest[] = []
    const open = async (request: OpenRequest) => {
      requests.push(request)
      return Object.assign(new ManualEngine(request), { keepsModel })
    }
    const hal = createHal({ backends: [new ManualBackend('manual', [{ open }])] })
    const bytes = new Uint8Array(10_000_000).fill(7)
    const engine = await hal.openEngine({ name: 'seven', bytes })
    bytes.fill(0)
    const clone = await (await engine.clone()).clone()
    const model = requests.at(-1)?.model
    await hal.close()
    expect(clone.model).toBe('seven')
    return model?.kind === 'bytes' ? model.bytes : undefined
  }

  it('are those that the original was opened with, whatever the caller did with them since', async () => {
    const bytes = await bytesOfClone(false)
    expect(bytes?.length).toBe(10_000_000)
    expect(bytes?.every((byte) => byte === 7)).toBe(true)
  })

  it('are not kept for a driver that keeps its model', async () => {
    expect((await bytesOfClone(true))?.length).toBe(0)
  })

  it('a file stays the file', async () => {
    const { hal, backend } = await openManual()
    const engine = await hal.openEngine(import.meta.filename)
    await engine.clone()
    expect(backend.engines.at(-1)?.request.model).toMatchObject({ kind: 'file', path: import.meta.filename })
  })
})
