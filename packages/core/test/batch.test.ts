import { afterEach, describe, expect, it, vi } from 'vitest'
import { HalError, type Inputs, tensor } from '../src/index.ts'
import { failure, flush, numbers, openManual, tagged } from './fixtures/manual-backend.ts'

afterEach(() => void vi.useRealTimers())

const items = (count: number): Inputs[] => Array.from({ length: count }, (_, i) => tagged(i + 1))

describe('runBatch', () => {
  it('gives one result an item, in order, whatever the order of answers', async () => {
    const { engine, driver } = await openManual({ depth: 5 }, { maxLoad: 5 })
    driver.onRun = () => void setImmediate(() => driver.answer(driver.held.at(-1)))
    const results = await engine.runBatch(items(30))
    const tags = results.map((result) => result.status === 'fulfilled' && numbers(result.value.y)[0])
    expect(tags).toEqual(items(30).map((_, i) => i + 1))
  })

  it('keeps the device full, and takes no more than maxLoad', async () => {
    const { engine, driver } = await openManual({ depth: 2 }, { maxLoad: 3, maxWaiting: 0 })
    const batch = engine.runBatch(items(6))
    for (let left = 6; left > 0; left--) {
      expect(engine.load).toBe(Math.min(left, 3))
      expect(driver.held.length).toBe(Math.min(left, 2))
      driver.answer()
      await flush()
    }
    expect((await batch).every(({ status }) => status === 'fulfilled')).toBe(true)
  })

  it('leaves a failure with its item', async () => {
    const { engine, driver } = await openManual({ depth: 4 })
    const bad = { x: tensor('float32', [5]) }
    const batch = engine.runBatch([tagged(1), bad, undefined as unknown as Inputs, tagged(4), tagged(5)])
    await flush()
    driver.fail(new HalError('HAL_UNAVAILABLE', 'broke'), driver.held[1])
    driver.answerAll()
    expect(await batch).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'HAL_INVALID_ARGUMENT' } },
      { status: 'rejected', reason: expect.any(TypeError) },
      { status: 'rejected', reason: { code: 'HAL_UNAVAILABLE' } },
      { status: 'fulfilled' },
    ])
  })

  it('writes to the tensors of each item', async () => {
    const { engine, driver } = await openManual()
    driver.onRun = (run) => driver.answer(run)
    const outputs = [1, 2, 3].map(() => ({ y: tensor('float32', [4]) }))
    await engine.runBatch(items(3), { outputs })
    expect(outputs.map(({ y }) => numbers(y)[0])).toEqual([1, 2, 3])
    const few = await failure(engine.runBatch(items(3), { outputs: outputs.slice(1) }))
    expect(few).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: '3 items need as many output sets, got 2',
    })
  })

  it('has one timeout for all items', async () => {
    vi.useFakeTimers()
    const { engine, driver } = await openManual({}, { maxLoad: 1 })
    const batch = engine.runBatch(items(3), { timeout: 100 })
    vi.advanceTimersByTime(60)
    driver.answer()
    await flush()
    vi.advanceTimersByTime(40)
    await flush()
    driver.answerAll()
    vi.advanceTimersByTime(1)
    expect(await batch).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'HAL_DEADLINE_EXCEEDED' } },
      { status: 'rejected', reason: { code: 'HAL_DEADLINE_EXCEEDED' } },
    ])
    expect(engine.load).toBe(0)
  })

  it('ends with the signal', async () => {
    const { engine } = await openManual({}, { maxLoad: 2 })
    const abort = new AbortController()
    const batch = engine.runBatch(items(4), { signal: abort.signal })
    abort.abort()
    const results = await batch
    expect(results).toHaveLength(4)
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'HAL_ABORTED' } })
  })

  it('refuses what is no list, and a timeout that is none', async () => {
    const { engine } = await openManual()
    expect(await failure(engine.runBatch(undefined as unknown as Inputs[]))).toBeInstanceOf(TypeError)
    for (const timeout of [-5, Number.NaN]) {
      expect((await failure(engine.runBatch(items(1), { timeout }))).code).toBe('HAL_INVALID_ARGUMENT')
    }
    expect(await engine.runBatch([])).toEqual([])
  })
})
