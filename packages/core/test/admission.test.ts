import { afterEach, describe, expect, it, vi } from 'vitest'
import { failure, flush, openManual, tagged, thrown } from './fixtures/manual-backend.ts'

afterEach(() => void vi.useRealTimers())

describe('admission', () => {
  it('accepts maxLoad runs and lets the others wait, in order', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 2 })
    const order: number[] = []
    const accepted = [1, 2, 3, 4, 5].map((tag) => engine.runAsync(tagged(tag)).then(() => order.push(tag)))
    await flush()
    expect(order).toEqual([1, 2])
    expect(engine.load).toBe(2)
    for (const expected of [3, 4, 5]) {
      driver.answer()
      await flush()
      expect(order.at(-1)).toBe(expected)
      expect(engine.load).toBe(2)
    }
    await Promise.all(accepted)
    driver.answerAll()
    expect(engine.load).toBe(0)
  })

  it('tryRunAsync refuses at once when the engine is full, and counts it', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 1 })
    const job = engine.tryRunAsync(tagged(1))
    expect(thrown(() => engine.tryRunAsync(tagged(2)))).toMatchObject({
      code: 'HAL_RESOURCE_EXHAUSTED',
      message: expect.stringContaining('maxLoad is 1'),
      engine: engine.id,
    })
    expect(engine.stats()).toMatchObject({ accepted: 1, refused: 1 })
    driver.answer()
    expect(engine.tryRunAsync(tagged(3))).toBeGreaterThan(job)
  })

  it('refuses those above maxWaiting, naming both limits', async () => {
    const { engine } = await openManual({}, { maxLoad: 1, maxWaiting: 1 })
    const runs = [1, 2].map((tag) => engine.runAsync(tagged(tag)))
    const error = await failure(engine.run(tagged(3)))
    expect(error).toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED', engine: engine.id })
    expect(error.message).toContain('maxLoad 1')
    expect(error.message).toContain('maxWaiting 1')
    expect(engine.stats().refused).toBe(1)
    for (const run of runs) run.catch(() => {})
  })

  it('maxWaiting 0 lets nobody wait', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 1, maxWaiting: 0 })
    const first = engine.run(tagged(1))
    expect((await failure(engine.run(tagged(2)))).code).toBe('HAL_RESOURCE_EXHAUSTED')
    driver.answer()
    await first
    engine.tryRunAsync(tagged(3))
  })

  it('a timeout in line gives the place back', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual({}, { maxLoad: 1 })
    engine.tryRunAsync(tagged(1))
    const second = failure(engine.runAsync(tagged(2), undefined, { timeout: 50 }))
    const third = engine.runAsync(tagged(3))
    vi.advanceTimersByTime(50)
    expect((await second).code).toBe('HAL_DEADLINE_EXCEEDED')
    driver.answer()
    await third
    expect(driver.tags()).toEqual([3])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('the time in line counts towards the timeout of the run', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual({}, { maxLoad: 1, timeout: 100 })
    const first = engine.run(tagged(1), { timeout: 0 })
    const second = failure(engine.run(tagged(2)))
    vi.advanceTimersByTime(60)
    driver.answer()
    await first
    await flush()
    expect(driver.tags()).toEqual([2])
    vi.advanceTimersByTime(40)
    expect((await second).code).toBe('HAL_DEADLINE_EXCEEDED')
    expect(engine.load).toBe(0)
    expect(driver.cancelled).toHaveLength(1)
    expect(engine.stats()).toMatchObject({ succeeded: 1, timedOut: 1 })
  })

  it('a signal in line gives the place back; one that has fired refuses', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 1 })
    const abort = new AbortController()
    engine.tryRunAsync(tagged(1))
    const second = failure(engine.run(tagged(2), { signal: abort.signal }))
    const third = engine.runAsync(tagged(3))
    abort.abort('over')
    expect(await second).toMatchObject({ code: 'HAL_ABORTED', cause: 'over' })
    driver.answer()
    await third
    expect(driver.tags()).toEqual([3])
    const late = await failure(engine.run(tagged(4), { signal: AbortSignal.abort('before') }))
    expect(late).toMatchObject({ code: 'HAL_ABORTED', cause: 'before' })
  })

  it('ends the watch with the run', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual()
    const abort = new AbortController()
    const run = engine.run(tagged(1), { timeout: 1000, signal: abort.signal })
    driver.answer()
    await run
    expect(vi.getTimerCount()).toBe(0)
    abort.abort()
    vi.advanceTimersByTime(1000)
    expect(engine.stats()).toMatchObject({ succeeded: 1, cancelled: 0, timedOut: 0 })
  })

  it.each([-1, Number.NaN, '5', null])('refuses the timeout %s', async (timeout) => {
    const { engine } = await openManual()
    const error = await failure(engine.run(tagged(1), { timeout: timeout as number }))
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT', message: expect.stringContaining('timeout') })
    const signal = await failure(engine.run(tagged(1), { signal: {} as AbortSignal }))
    expect(signal).toBeInstanceOf(TypeError)
    expect(engine.load).toBe(0)
  })

  it('a timeout longer than a timer can hold is no timeout of a millisecond', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual()
    const runs = [2 ** 31, Number.POSITIVE_INFINITY].map((timeout) => engine.run(tagged(1), { timeout }))
    vi.advanceTimersByTime(5)
    driver.answerAll()
    await Promise.all(runs)
  })

  it('closing refuses those in line with HAL_ABORTED', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 1 })
    const first = engine.run(tagged(1))
    const second = failure(engine.run(tagged(2), { timeout: 60_000 }))
    const closing = engine.close()
    expect((await second).code).toBe('HAL_ABORTED')
    driver.answer()
    await first
    await closing
  })

  it('a run whose memory cannot be had leaves no load behind', async () => {
    const outputs = [{ name: 'y', dataType: 'float32', shape: [2 ** 50] }] as const
    const { engine } = await openManual({ outputs }, { maxLoad: 1 })
    for (let i = 0; i < 3; i++) {
      expect((await failure(engine.run(tagged(1)))).code).toBe('HAL_RESOURCE_EXHAUSTED')
    }
    expect(engine.load).toBe(0)
    await engine.close()
  })

  it('defaults to 10 accepted and 6 handed over, more where there are more lanes', async () => {
    const { engine, driver } = await openManual({ depth: 20 })
    for (let i = 0; i < 40; i++) engine.runAsync(tagged(i)).catch(() => {})
    expect(driver.held.length).toBe(20)
    expect(engine.load).toBe(40)
    const small = await openManual({ depth: 2 })
    for (let i = 0; i < 40; i++) small.engine.runAsync(tagged(i)).catch(() => {})
    expect(small.engine.load).toBe(10)
  })
})
