import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createHal,
  type EngineOptions,
  HalError,
  type OpenControl,
  type OpenProgress,
  tensor,
} from '../src/index.ts'
import {
  cores,
  failure,
  flush,
  ManualBackend,
  type ManualDeviceSpec,
  ManualEngine,
  MODEL,
  numbers,
  tagged,
  tagOf,
} from './fixtures/manual-backend.ts'

afterEach(() => void vi.useRealTimers())

/** An engine that is being opened, with a warm-up, on a device whose runs the test answers. */
async function opening(spec: ManualDeviceSpec, options: EngineOptions, control: OpenControl = {}) {
  const backend = new ManualBackend('manual', [spec])
  const logged: string[] = []
  const hal = createHal({ backends: [backend], logger: (_level, message) => logged.push(message) })
  const opened = hal.openEngine(MODEL, options, control)
  opened.catch(() => {})
  let settled = false
  opened.then(
    () => (settled = true),
    () => (settled = true),
  )
  await flush()
  const driver = backend.engines[0] as ManualEngine
  return { hal, backend, opened, driver, logged, isSettled: () => settled }
}

/** Until the next run has come: the warm-up gives others a turn before it. */
async function nextRun(): Promise<void> {
  await flush()
  await flush()
}

/** Answers what comes until nothing comes any more. */
async function answerAll(driver: ManualEngine): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    if (driver.held.length > 0) quiet = 0
    driver.answerAll()
    await flush()
  }
}

describe('warmUp', () => {
  it('executes so many runs on every lane before the engine is there', async () => {
    const { driver, opened, isSettled } = await opening({ cores: cores(3) }, { warmUp: 2 })
    expect(driver.held.map(({ lane }) => lane)).toEqual([0, 1, 2])
    driver.answer(driver.held[1])
    await nextRun()
    expect(driver.held.map(({ lane }) => lane)).toEqual([0, 2, 1])
    driver.answer(driver.held[2])
    await nextRun()
    expect(driver.held.map(({ lane }) => lane)).toEqual([0, 2])
    expect(isSettled()).toBe(false)
    await answerAll(driver)
    await opened
    expect(driver.given.map(({ lane }) => lane).sort()).toEqual([0, 0, 1, 1, 2, 2])
    expect(new Set(driver.given.map(({ job }) => job)).size).toBe(6)
  })

  it('executes none unless asked to', async () => {
    const { driver, opened } = await opening({}, {})
    await opened
    expect(driver.given).toEqual([])
  })

  it('takes zeros, with 1 for each open dimension, or the inputs that are given', async () => {
    const inputs = [
      { name: 'x', dataType: 'float32', shape: [-1, 3] },
      { name: 's', dataType: 'string', shape: [2] },
    ] as const
    const zeros = await opening({ inputs }, { warmUp: 1 })
    expect(zeros.driver.held[0]?.inputs).toEqual([tensor('float32', [1, 3]), tensor('string', [2], ['', ''])])
    expect(zeros.driver.held[0]?.inputNames).toEqual(['x', 's'])
    const given = await opening({}, { warmUp: 1 }, { warmUpInputs: tagged(7) })
    expect(given.driver.held.map(tagOf)).toEqual([7])
    for (const { driver, hal } of [zeros, given]) {
      driver.answerAll()
      await hal.close()
    }
  })

  it('leaves no trace in the engine', async () => {
    const { driver, opened } = await opening({ cores: cores(2) }, { warmUp: 3 })
    await answerAll(driver)
    const engine = await opened
    expect(engine.stats()).toMatchObject({ accepted: 0, succeeded: 0, load: 0, bytesCopied: 0 })
    expect(engine.load).toBe(0)
    const run = engine.run(tagged(5))
    driver.answer()
    expect(numbers((await run).y)).toEqual([5, 5, 5, 5])
    expect(engine.stats()).toMatchObject({ accepted: 1, succeeded: 1 })
    const warmUpJob = driver.given[0]?.job as number
    await expect(engine.wait(warmUpJob)).rejects.toMatchObject({ code: 'HAL_NOT_FOUND' })
  })

  it('is for clones too, with the same inputs', async () => {
    const { driver, opened, backend } = await opening({}, { warmUp: 1 }, { warmUpInputs: tagged(7) })
    await answerAll(driver)
    const clone = (await opened).clone()
    while (backend.engines.length < 2) await flush()
    const [, second] = backend.engines as [ManualEngine, ManualEngine]
    await nextRun()
    expect(second.held.map(tagOf)).toEqual([7])
    second.answerAll()
    expect((await clone).stats().accepted).toBe(0)
    expect(second.given).toHaveLength(1)
  })

  it('warms every device of an engine up, side by side', async () => {
    const backend = new ManualBackend('manual', [{}, {}])
    const hal = createHal({ backends: [backend] })
    const seen: OpenProgress[] = []
    const control = { onProgress: (progress: OpenProgress) => seen.push(progress) }
    const opened = hal.openEngine(MODEL, { devices: [0, 1], warmUp: 1 }, control)
    while (backend.engines.length < 2) await flush()
    await nextRun()
    expect(backend.engines.map(({ held }) => held.length)).toEqual([1, 1])
    for (const driver of [...backend.engines].reverse()) driver.answerAll()
    await opened
    expect(seen.map(({ phase, done, total, device }) => `${phase} ${done}/${total} ${device}`)).toEqual([
      'load 1/2 manual:0',
      'load 2/2 manual:1',
      'warm-up 1/2 manual:1',
      'warm-up 2/2 manual:0',
    ])
  })

  it('tells how far it is', async () => {
    const seen: unknown[] = []
    const control = { onProgress: (progress: unknown) => seen.push(progress) }
    const { driver, opened } = await opening({ cores: cores(2) }, { warmUp: 1 }, control)
    const where = { device: 'manual:0' }
    expect(seen).toEqual([{ phase: 'load', done: 1, total: 1, ...where }])
    await answerAll(driver)
    await opened
    expect(seen.slice(1)).toEqual([
      { phase: 'warm-up', done: 1, total: 2, ...where },
      { phase: 'warm-up', done: 2, total: 2, ...where },
    ])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('goes on where a listener %s', async (_, onProgress) => {
    const { driver, opened, logged } = await opening({}, { warmUp: 1 }, { onProgress })
    await answerAll(driver)
    await opened
    expect(logged.filter((line) => line === 'the listener onProgress threw: no')).toHaveLength(2)
  })

  it('refuses a listener that is no function', async () => {
    const { opened } = await opening({}, {}, { onProgress: 1 as never })
    await expect(opened).rejects.toThrow(TypeError)
  })
})

describe('a warm-up that fails', () => {
  it('gives the error of its run, and closes everything', async () => {
    const { driver, opened, hal } = await opening({ cores: cores(2) }, { warmUp: 2 })
    driver.answer(driver.held[1])
    await nextRun()
    const native = { call: 'Run', status: 7 }
    driver.fail(new HalError('HAL_RESOURCE_EXHAUSTED', 'no memory', { native }), driver.held[1])
    const error = await failure(opened)
    expect(error).toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED', native, device: 'manual:0' })
    expect(error.message).toBe('the warm-up failed (run 2 of 2, with zeros, on manual:0 NPU_1): no memory')
    // The run on the other lane is stopped.
    expect(driver.cancelled.map(({ lane }) => lane)).toEqual([0])
    expect(driver.closed).toBe(1)
    expect(driver.given).toHaveLength(3)
    await hal.close()
    expect(driver.closed).toBe(1)
  })

  it('where the device gives a damaged answer', async () => {
    const { driver, opened } = await opening({}, { warmUp: 1 })
    driver.answer(undefined, { answer: { outputs: [tensor('float32', [5])] } })
    const error = await failure(opened)
    expect(error).toMatchObject({ code: 'HAL_DATA_LOSS' })
    expect(error.message).toContain('the warm-up failed')
    expect(driver.closed).toBe(1)
  })

  it('where the run is given back, because its worker is lost', async () => {
    const { driver, opened } = await opening({}, { warmUp: 1 })
    driver.held[0]?.giveBack()
    await expect(opened).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    expect(driver.closed).toBe(1)
  })

  it('where nobody tells what the model takes', async () => {
    const { driver, opened } = await opening({ inputs: [], outputs: [] }, { warmUp: 1 })
    await expect(opened).rejects.toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining('warmUpInputs'),
    })
    expect(driver.closed).toBe(1)
    const given = await opening({ inputs: [], outputs: [] }, { warmUp: 1 }, { warmUpInputs: tagged(3) })
    expect(given.driver.held[0]?.inputNames).toEqual(['x'])
    given.driver.answer(undefined, { answer: { outputs: [tensor('float32', [4])], outputNames: ['y'] } })
    await given.opened
  })

  it.each([
    ['a missing input', {}, "input 'x' is missing"],
    ['a wrong shape', { x: tensor('float32', [3]) }, "input 'x'"],
    ['bare numbers', new Float32Array(4), 'Float32Array'],
    ['null', null, 'inputs are missing'],
  ])('where warmUpInputs has %s', async (_, warmUpInputs, culprit) => {
    const { driver, opened } = await opening({}, { warmUp: 1 }, { warmUpInputs: warmUpInputs as never })
    const error = await failure(opened)
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
    expect(error.message).toMatch(/^warmUpInputs: /)
    expect(error.message).toContain(culprit)
    expect(driver.closed).toBe(1)
  })
})

describe('a warm-up that takes too long', () => {
  it('ends with the timeout of the opening', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const seen: unknown[] = []
    const control = { timeout: 100, onProgress: () => seen.push(1) }
    const { driver, opened, hal } = await opening({ cores: cores(2) }, { warmUp: 5 }, control)
    driver.answer(driver.held[0])
    await nextRun()
    vi.advanceTimersByTime(100)
    await expect(opened).rejects.toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED' })
    expect(driver.cancelled).toHaveLength(2)
    await flush()
    expect(driver.closed).toBe(1)
    // Answers that come afterwards are nobody's business.
    await answerAll(driver)
    expect(driver.given).toHaveLength(3)
    expect(seen).toHaveLength(2)
    await hal.close()
    expect(driver.closed).toBe(1)
  })

  it('ends with the signal of the opening', async () => {
    const abort = new AbortController()
    const { driver, opened } = await opening({}, { warmUp: 5 }, { signal: abort.signal })
    abort.abort(new Error('changed my mind'))
    await expect(opened).rejects.toMatchObject({ code: 'HAL_ABORTED', cause: abort.signal.reason })
    await flush()
    expect(driver.closed).toBe(1)
  })

  it('ends when the HAL closes, also that of a clone', async () => {
    const { driver, opened, hal } = await opening({}, { warmUp: 5 })
    const closed = hal.close()
    await expect(opened).rejects.toMatchObject({ code: 'HAL_ABORTED' })
    await closed
    expect(driver.closed).toBe(1)

    const other = await opening({}, { warmUp: 1 })
    await answerAll(other.driver)
    const clone = (await other.opened).clone()
    clone.catch(() => {})
    while (other.backend.engines[1]?.held.length !== 1) await flush()
    await other.hal.close()
    await expect(clone).rejects.toMatchObject({ code: 'HAL_ABORTED' })
    expect(other.backend.engines.map(({ closed }) => closed)).toEqual([1, 1])
  })

  it('ends also where runs keep the thread', async () => {
    const abort = new AbortController()
    const backend: ManualBackend = new ManualBackend('manual', [
      {
        open: async (request) => {
          const driver = new ManualEngine(request)
          driver.onRun = (run) => driver.answer(run)
          backend.engines.push(driver)
          return driver
        },
      },
    ])
    const hal = createHal({ backends: [backend] })
    const opened = hal.openEngine(MODEL, { warmUp: 1000 }, { signal: abort.signal })
    opened.catch(() => {})
    while (backend.engines[0] === undefined) await flush()
    abort.abort()
    await expect(opened).rejects.toMatchObject({ code: 'HAL_ABORTED' })
    await hal.close()
    expect(backend.engines[0].given.length).toBeLessThan(1000)
  })
})
