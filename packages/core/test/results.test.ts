import { afterEach, describe, expect, it, vi } from 'vitest'
import { HalError } from '../src/index.ts'
import { failure, flush, numbers, openManual, tagged, thrown } from './fixtures/manual-backend.ts'

afterEach(() => void vi.useRealTimers())

describe('wait', () => {
  it.each(['before', 'after'])('gives the outputs once, asked %s the answer', async (when) => {
    const { engine, driver } = await openManual()
    const job = await engine.runAsync(tagged(4))
    if (when === 'after') driver.answer()
    const outputs = engine.wait(job)
    if (when === 'before') driver.answer()
    expect(numbers((await outputs).y)).toEqual([4, 4, 4, 4])
    expect(await failure(engine.wait(job))).toMatchObject({ code: 'HAL_NOT_FOUND', job })
  })

  it.each(['before', 'after'])("rejects with the run's own error, asked %s it", async (when) => {
    const { engine, driver } = await openManual()
    const job = await engine.runAsync(tagged(4))
    const broke = new HalError('HAL_UNAVAILABLE', 'broke')
    if (when === 'after') driver.fail(broke)
    const result = failure(engine.wait(job))
    if (when === 'before') driver.fail(broke)
    expect(await result).toMatchObject({ code: 'HAL_UNAVAILABLE', message: 'broke', job, engine: engine.id })
    expect((await failure(engine.wait(job))).code).toBe('HAL_NOT_FOUND')
  })

  it('does not know a number that was never given out, nor that of another engine', async () => {
    const { engine, hal } = await openManual()
    const other = await hal.openEngine(new Uint8Array(1))
    const job = await other.runAsync(tagged(1))
    for (const id of [job, 10 ** 9, -1, 0, Number.NaN]) {
      expect((await failure(engine.wait(id))).code).toBe('HAL_NOT_FOUND')
    }
    expect(await failure(engine.wait(undefined as unknown as number))).toBeInstanceOf(TypeError)
  })

  it('refuses a second one who waits, and serves the first', async () => {
    const { engine, driver } = await openManual()
    const job = await engine.runAsync(tagged(1))
    const first = engine.wait(job)
    expect((await failure(engine.wait(job))).code).toBe('HAL_FAILED_PRECONDITION')
    driver.answer()
    expect(numbers((await first).y)[0]).toBe(1)
  })

  it('that timed out ends the waiting, not the run', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual()
    const job = await engine.runAsync(tagged(1))
    const first = failure(engine.wait(job, { timeout: 20 }))
    vi.advanceTimersByTime(20)
    expect((await first).code).toBe('HAL_DEADLINE_EXCEEDED')
    const abort = new AbortController()
    const second = failure(engine.wait(job, { signal: abort.signal }))
    abort.abort()
    expect((await second).code).toBe('HAL_ABORTED')
    expect((await failure(engine.wait(job, { signal: AbortSignal.abort() }))).code).toBe('HAL_ABORTED')
    expect(driver.cancelled).toHaveLength(0)
    expect(engine.load).toBe(1)
    driver.answer()
    expect(numbers((await engine.wait(job)).y)[0]).toBe(1)
  })

  it('still serves after close', async () => {
    const { engine, driver } = await openManual()
    const job = await engine.runAsync(tagged(1))
    driver.answer()
    await engine.close()
    expect(numbers((await engine.wait(job)).y)[0]).toBe(1)
  })

  it('refuses submissions when 1024 results were never collected, until one is', async () => {
    const { engine, driver } = await openManual()
    const jobs: number[] = []
    for (let i = 0; i < 1024; i++) {
      jobs.push(engine.tryRunAsync(tagged(i)))
      driver.answer()
    }
    await flush()
    expect(thrown(() => engine.tryRunAsync(tagged(0)))).toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED' })
    expect((await failure(engine.runAsync(tagged(0)))).message).toContain('never collected')
    expect(engine.stats().refused).toBe(2)
    const run = engine.run(tagged(5))
    driver.answer()
    expect(numbers((await run).y)[0]).toBe(5)
    for (const [i, job] of jobs.entries()) expect(numbers((await engine.wait(job)).y)[0]).toBe(i)
    engine.tryRunAsync(tagged(0))
  })

  it('gives every run of the process its own number, rising', async () => {
    const { engine, hal } = await openManual()
    const other = await hal.openEngine(new Uint8Array(1))
    const ids = [engine, other, engine, other].map((each) => each.tryRunAsync(tagged(1)))
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
  })
})
