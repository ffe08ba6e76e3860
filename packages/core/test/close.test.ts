import { afterEach, describe, expect, it, vi } from 'vitest'
import { HalError } from '../src/index.ts'
import { failure, flush, numbers, openManual, tagged, thrown } from './fixtures/manual-backend.ts'

afterEach(() => void vi.useRealTimers())

describe('engine.close', () => {
  it('is idempotent, and frees the driver once', async () => {
    const { engine, driver } = await openManual()
    const closing = engine.close()
    expect(engine.close()).toBe(closing)
    await closing
    await engine[Symbol.asyncDispose]()
    expect(driver.closed).toBe(1)
  })

  it('lets accepted runs settle first', async () => {
    const { engine, driver } = await openManual()
    const runs = [1, 2, 3].map((tag) => engine.run(tagged(tag)))
    const closing = engine.close()
    await flush()
    expect(driver.closed).toBe(0)
    driver.answerAll()
    await closing
    const results = await Promise.all(runs)
    expect(results.map(({ y }) => numbers(y)[0])).toEqual([1, 2, 3])
    expect(driver.closed).toBe(1)
  })

  it('waits for callbacks that are at work', async () => {
    const { engine, driver } = await openManual()
    let open = () => {}
    engine.registerCallback(() => new Promise<void>((resolve) => (open = resolve)))
    engine.tryRunAsync(tagged(1))
    driver.answer()
    const closing = engine.close()
    await flush()
    expect(driver.closed).toBe(0)
    open()
    await closing
  })

  it('takes no more runs', async () => {
    const { engine } = await openManual({
      sync: () => ({ outputs: [], startedAt: 0, endedAt: 0, bytesCopied: 0 }),
    })
    const closing = engine.close()
    for (const error of [
      thrown(() => engine.tryRunAsync(tagged(1))),
      thrown(() => engine.runSync(tagged(1))),
      await failure(engine.run(tagged(1))),
      await failure(engine.runAsync(tagged(1))),
      await failure(engine.stream([tagged(1)]).next()),
    ]) {
      expect(error).toMatchObject({ code: 'HAL_FAILED_PRECONDITION', engine: engine.id })
    }
    await closing
  })

  it('with a timeout fails what is still unsettled, starts none of it, and reports a runtime that does not let go', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual({ depth: 2, recall: true })
    driver.onClose = () => new Promise(() => {})
    const runs = [1, 2, 3, 4].map((tag) => failure(engine.run(tagged(tag))))
    const closing = failure(engine.close({ timeout: 100 }))
    await flush()
    vi.advanceTimersByTime(100)
    for (const run of runs) expect((await run).code).toBe('HAL_ABORTED')
    expect(driver.given).toHaveLength(2)
    expect(engine.load).toBe(0)
    await flush()
    vi.advanceTimersByTime(1)
    expect(await closing).toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED', engine: engine.id })
  })

  it('survives answers and failures that come after it, twice', async () => {
    const { engine, driver } = await openManual({ depth: 2 })
    const runs = [1, 2].map((tag) => failure(engine.run(tagged(tag))))
    await engine.close({ timeout: 1 })
    await Promise.all(runs)
    const errors: HalError[] = []
    engine.on('error', (error) => errors.push(error))
    for (const run of driver.given) {
      driver.answer(run)
      driver.answer(run)
      driver.fail(new Error('late'), run)
    }
    await flush()
    expect(engine.stats()).toMatchObject({ cancelled: 2, succeeded: 0, failed: 0, load: 0 })
    expect(engine.stats().strayAnswers).toBeGreaterThan(0)
    expect(errors.every(({ code }) => code === 'HAL_DATA_LOSS')).toBe(true)
  })

  it('rejects with what the driver has to say', async () => {
    const { engine, driver, hal } = await openManual()
    driver.onClose = () => Promise.reject(new Error('would not unload'))
    expect((await failure(engine.close())).message).toBe('would not unload')
    await hal.close()
  })

  it('a timeout longer than a timer can hold does not cut off at once', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual()
    const run = engine.run(tagged(1))
    const closing = engine.close({ timeout: 2 ** 31 })
    await flush()
    vi.advanceTimersByTime(5)
    await flush()
    driver.answer()
    await Promise.all([run, closing])
  })

  it('refuses a timeout that is none', async () => {
    const { engine } = await openManual()
    const error = await failure(Promise.resolve().then(() => engine.close({ timeout: -1 })))
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
    await engine.close()
  })
})

describe('a device that is lost', () => {
  const lose = (manual: Awaited<ReturnType<typeof openManual>>) => {
    const error = new HalError('HAL_DEVICE_LOST', 'unplugged')
    manual.backend.tell('manual:0', { kind: 'lost', error })
  }

  it('fails what is in flight, queued and in line, and every run until it is back', async () => {
    const manual = await openManual({ depth: 2, recall: true }, { maxLoad: 3 })
    const { engine, driver } = manual
    const events: string[] = []
    engine.on('lost', ({ code }) => events.push(code))
    engine.on('recovered', () => events.push('recovered'))
    const runs = [1, 2, 3, 4].map((tag) => failure(engine.run(tagged(tag))))
    lose(manual)
    for (const run of runs) {
      expect(await run).toMatchObject({ code: 'HAL_DEVICE_LOST', engine: engine.id, device: 'manual:0' })
    }
    expect(engine.device.lost).toBe(true)
    expect(driver.given).toHaveLength(2)
    expect((await failure(engine.run(tagged(5)))).code).toBe('HAL_DEVICE_LOST')
    expect(engine.load).toBe(0)
    driver.answerAll()
    manual.backend.tell('manual:0', { kind: 'recovered' })
    expect(engine.device.lost).toBe(false)
    const next = engine.run(tagged(6))
    driver.answer()
    expect(numbers((await next).y)[0]).toBe(6)
    expect(events).toEqual(['HAL_DEVICE_LOST', 'recovered'])
  })

  it('refuses to open a model meanwhile', async () => {
    const manual = await openManual()
    lose(manual)
    expect((await failure(manual.hal.openEngine(new Uint8Array(1)))).code).toBe('HAL_DEVICE_LOST')
  })

  it('while a model is being opened bars the engine until it is back', async () => {
    const manual = await openManual()
    const opening = manual.hal.openEngine(new Uint8Array(1))
    while (manual.backend.engines.length < 2) await Promise.resolve()
    lose(manual)
    const outcome = await opening.then(
      (engine) => failure(engine.run(tagged(1), { timeout: 1000 })),
      (error) => error,
    )
    expect(outcome).toMatchObject({ code: 'HAL_DEVICE_LOST' })
  })

  it('or a runtime that is lost bars the engine until both are back', async () => {
    const manual = await openManual()
    const other = await manual.hal.openEngine(new Uint8Array(1))
    const { engine, driver } = manual
    const events: string[] = []
    engine.on('lost', () => events.push('lost'))
    engine.on('recovered', () => events.push('recovered'))
    driver.tell?.({ kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'its worker died') })
    expect((await failure(engine.run(tagged(1)))).message).toContain('its worker died')
    other.tryRunAsync(tagged(1))
    lose(manual)
    manual.backend.tell('manual:0', { kind: 'recovered' })
    expect((await failure(engine.run(tagged(1)))).message).toContain('its worker died')
    driver.tell?.({ kind: 'recovered' })
    engine.tryRunAsync(tagged(1))
    expect(events).toEqual(['lost', 'lost', 'recovered'])
  })

  it('leaves a closed engine closed when it is back', async () => {
    const manual = await openManual()
    const closing = manual.engine.close()
    lose(manual)
    manual.backend.tell('manual:0', { kind: 'recovered' })
    expect((await failure(manual.engine.run(tagged(1)))).code).toBe('HAL_FAILED_PRECONDITION')
    await closing
  })
})
