import { describe, expect, it } from 'vitest'
import { now } from '../src/clock.ts'
import { Histogram } from '../src/engine/stats.ts'
import { HalError, type RunMetrics } from '../src/index.ts'
import { failure, flush, openManual, tagged } from './fixtures/manual-backend.ts'

describe('Histogram', () => {
  it.each([
    ['microseconds', (i: number) => i / 1000],
    ['milliseconds', (i: number) => i],
    ['hours', (i: number) => i * 36_000],
    ['a long tail', (i: number) => 1.01 ** i],
  ])('gives percentiles of %s within 2 %%', (_, ms) => {
    const histogram = new Histogram()
    // Every number from 1 to 1000 once, in no order.
    for (let i = 0; i < 1000; i++) histogram.add(ms(((i * 387) % 1000) + 1))
    const { count, min, max, mean, p50, p90, p99 } = histogram.summary()
    const exact = Array.from({ length: 1000 }, (_, i) => ms(i + 1))
    expect([count, min, max]).toEqual([1000, exact[0], exact.at(-1)])
    expect(mean).toBeCloseTo(exact.reduce((sum, value) => sum + value) / 1000, 6)
    for (const [got, rank] of [
      [p50, 500],
      [p90, 900],
      [p99, 990],
    ] as const) {
      const right = exact[rank - 1] as number
      expect(Math.abs(got - right) / right).toBeLessThanOrEqual(0.02)
    }
  })

  it('of one duration gives that one, of none zeros', () => {
    const histogram = new Histogram()
    expect(histogram.summary()).toEqual({ count: 0, min: 0, mean: 0, p50: 0, p90: 0, p99: 0, max: 0 })
    histogram.add(3)
    expect(histogram.summary()).toEqual({ count: 1, min: 3, mean: 3, p50: 3, p90: 3, p99: 3, max: 3 })
  })

  it.each([0, 1e-9, 1e12])('takes %d ms', (ms) => {
    const histogram = new Histogram()
    histogram.add(ms)
    expect(histogram.summary()).toMatchObject({ count: 1, p50: ms, max: ms })
  })
})

describe('engine.stats', () => {
  it('counts how runs ended, and where their time went', async () => {
    const { engine, driver } = await openManual({ depth: 8 })
    const abort = new AbortController()
    const runs = [1, 2, 3].map((tag) => engine.run(tagged(tag)).catch(() => {}))
    runs.push(engine.run(tagged(4), { signal: abort.signal }).catch(() => {}))
    expect(engine.stats()).toMatchObject({ accepted: 4, load: 4, succeeded: 0 })
    const startedAt = now() + 20
    driver.answer(undefined, { answer: { startedAt, endedAt: startedAt + 30, bytesCopied: 100 } })
    driver.fail(new HalError('HAL_UNAVAILABLE', 'no'))
    driver.answer(undefined, { answer: { outputs: [] } })
    abort.abort()
    await Promise.all(runs)
    const stats = engine.stats()
    expect(stats).toMatchObject({
      accepted: 4,
      succeeded: 1,
      failed: 2,
      cancelled: 1,
      timedOut: 0,
      load: 0,
      bytesCopied: 100,
    })
    expect(stats.run.max).toBeCloseTo(30, 3)
    expect(stats.queueWait.max).toBeGreaterThanOrEqual(20)
    expect(stats.latency.count).toBe(4)
    expect(stats.run.count).toBe(2)
  })

  it('start again after resetStats; what is accepted stays', async () => {
    const { engine, driver } = await openManual()
    const run = engine.run(tagged(1))
    engine.resetStats()
    expect(engine.stats()).toMatchObject({ accepted: 0, load: 1 })
    driver.answer()
    await run
    expect(engine.stats()).toMatchObject({ succeeded: 1, load: 0 })
  })
})

describe('events', () => {
  it('run tells the life of each run', async () => {
    const { engine, driver } = await openManual({ depth: 2 })
    const seen: RunMetrics[] = []
    engine.on('run', (metrics) => seen.push(metrics))
    const first = engine.run(tagged(1))
    const second = failure(engine.run(tagged(2)))
    driver.answer(undefined, { answer: { startedAt: 5, endedAt: 9 } })
    driver.fail(new Error('broke'))
    await first
    await second
    expect(seen).toMatchObject([
      { device: 'manual:0', core: 'NPU_0', startedAt: 5, endedAt: 9 },
      { device: 'manual:0', core: 'NPU_0', error: { code: 'HAL_INTERNAL', message: 'broke' } },
    ])
    for (const { job, submittedAt, settledAt } of seen) {
      expect(job).toBeGreaterThan(0)
      expect(settledAt).toBeGreaterThanOrEqual(submittedAt)
    }
    expect('startedAt' in (seen[1] as RunMetrics)).toBe(false)
  })

  it('run counts the time in line before acceptance too', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 1 })
    const seen: RunMetrics[] = []
    engine.on('run', (metrics) => seen.push(metrics))
    const first = engine.run(tagged(1))
    const second = engine.run(tagged(2))
    const before = now()
    driver.answer()
    await first
    await flush()
    driver.answer()
    await second
    expect(seen[1]?.submittedAt).toBeLessThan(before)
  })

  it('error tells of an answer that came twice, and throws it away', async () => {
    const { engine, driver } = await openManual()
    const errors: HalError[] = []
    engine.on('error', (error) => errors.push(error))
    const run = engine.run(tagged(1))
    const [given] = driver.given
    driver.answer()
    driver.answer(given)
    await run
    expect(errors).toMatchObject([{ code: 'HAL_DATA_LOSS', job: given?.job, engine: engine.id }])
    expect(engine.stats()).toMatchObject({ succeeded: 1, strayAnswers: 1, load: 0 })
  })

  it('a listener that throws disturbs nobody', async () => {
    const { engine, driver } = await openManual()
    let calls = 0
    engine.on('run', () => {
      throw new Error('listener')
    })
    const count = () => void calls++
    engine.on('run', count).on('run', count)
    const first = engine.run(tagged(1))
    driver.answer()
    await first
    engine.off('run', count)
    const second = engine.run(tagged(2))
    driver.answer()
    await second
    expect(calls).toBe(1)
    expect(() => engine.on('run', 5 as never)).toThrow(TypeError)
  })
})
