import { describe, expect, it } from 'vitest'
import { HalError, type Inputs, tensor } from '../src/index.ts'
import { failure, flush, numbers, openManual, tagged } from './fixtures/manual-backend.ts'

/** Tags of everything a stream yields. */
async function drain(stream: AsyncGenerator<Record<string, unknown>>): Promise<(number | undefined)[]> {
  const tags: (number | undefined)[] = []
  for await (const outputs of stream) tags.push(numbers(outputs.y as never)[0])
  return tags
}

/** A source that tells how far it was read and whether it was closed. */
class Source implements AsyncIterable<Inputs> {
  taken = 0
  closed = false
  constructor(private readonly length: number) {}
  async *[Symbol.asyncIterator](): AsyncGenerator<Inputs> {
    try {
      while (this.taken < this.length) yield tagged(++this.taken)
    } finally {
      this.closed = true
    }
  }
}

const items = (count: number): Inputs[] => Array.from({ length: count }, (_, i) => tagged(i + 1))

describe('stream', () => {
  it.each(['a list', 'an asynchronous source'])('yields outputs in the order of %s', async (kind) => {
    const { engine, driver } = await openManual({ depth: 4 }, { maxLoad: 4 })
    driver.onRun = () => void setImmediate(() => driver.answer(driver.held.at(-1)))
    const source = kind === 'a list' ? items(20) : new Source(20)
    expect(await drain(engine.stream(source))).toEqual(items(20).map((_, i) => i + 1))
    expect(engine.load).toBe(0)
  })

  it('of nothing yields nothing', async () => {
    const { engine } = await openManual()
    expect(await drain(engine.stream([]))).toEqual([])
  })

  it('never runs further ahead than maxLoad, however slow the consumer', async () => {
    const { engine, driver } = await openManual({ memory: 'any' }, { maxLoad: 3 })
    driver.onRun = (run) => driver.answer(run)
    const source = new Source(20)
    let yielded = 0
    for await (const _ of engine.stream(source)) {
      yielded++
      await flush()
      await flush()
      expect(source.taken - yielded).toBeLessThanOrEqual(3)
    }
    expect(yielded).toBe(20)
  })

  it('yields what is done while the source has nothing more to give', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 4 })
    driver.onRun = (run) => driver.answer(run)
    let feed: (() => void) | undefined
    async function* live() {
      for (let tag = 1; tag <= 3; tag++) {
        yield tagged(tag)
        // The next frame depends on the result of this one.
        await new Promise<void>((resolve) => {
          feed = resolve
        })
      }
    }
    const seen: unknown[] = []
    for await (const outputs of engine.stream(live())) {
      seen.push(numbers(outputs.y)[0])
      await flush()
      feed?.()
    }
    expect(seen).toEqual([1, 2, 3])
  })

  it('that the consumer leaves cancels what is queued, and closes the source', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 4 })
    const source = new Source(20)
    const stream = engine.stream(source)
    const first = stream.next()
    await flush()
    driver.answer()
    await first
    const left = stream.return()
    await flush()
    driver.answerAll()
    await left
    expect(source.closed).toBe(true)
    expect(driver.given.length).toBeLessThanOrEqual(2)
    expect(engine.load).toBe(0)
    expect(engine.stats().cancelled).toBeGreaterThan(0)
  })

  it('can be left while the source has nothing to give', async () => {
    const { engine, driver } = await openManual()
    driver.onRun = (run) => driver.answer(run)
    async function* stuck() {
      yield tagged(1)
      await new Promise(() => {})
    }
    for await (const _ of engine.stream(stuck())) break
    expect(engine.load).toBe(0)
  })

  it('throws the error of a run in its turn, after the results before it', async () => {
    const { engine, driver } = await openManual({ depth: 4 }, { maxLoad: 4 })
    const source = new Source(20)
    const stream = engine.stream(source)
    const [first, second] = [stream.next(), stream.next()]
    await flush()
    driver.fail(new HalError('HAL_UNAVAILABLE', 'broke'), driver.held[1])
    driver.answer()
    expect(numbers((await first).value?.y)[0]).toBe(1)
    const error = failure(second)
    await flush()
    driver.answerAll()
    expect((await error).code).toBe('HAL_UNAVAILABLE')
    expect(source.closed).toBe(true)
    expect(engine.load).toBe(0)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('throws what the source throws, after what is under way was settled', async () => {
    const { engine, driver } = await openManual()
    async function* broken() {
      yield tagged(1)
      throw new Error('camera unplugged')
    }
    const result = failure(drain(engine.stream(broken())))
    await flush()
    driver.answerAll()
    expect((await result).message).toBe('camera unplugged')
    await flush()
    expect(engine.load).toBe(0)
  })

  it('ends with the signal', async () => {
    const { engine, driver } = await openManual()
    const abort = new AbortController()
    const result = failure(drain(engine.stream(new Source(20), { signal: abort.signal })))
    await flush()
    abort.abort('enough')
    expect(await result).toMatchObject({ code: 'HAL_ABORTED', cause: 'enough' })
    driver.answerAll()
    expect(engine.load).toBe(0)
  })

  it('ends with the signal while the source has nothing to give', async () => {
    const { engine } = await openManual()
    async function* stuck() {
      await new Promise(() => {})
      yield tagged(1)
    }
    const abort = new AbortController()
    const result = failure(drain(engine.stream(stuck(), { signal: abort.signal })))
    await flush()
    abort.abort('enough')
    expect(await result).toMatchObject({ code: 'HAL_ABORTED', cause: 'enough' })
  })

  it('passes wrong items on as their error', async () => {
    const { engine } = await openManual()
    expect(await failure(drain(engine.stream([undefined as unknown as Inputs])))).toBeInstanceOf(TypeError)
    for (const source of [undefined, 5, {}]) {
      const error = await failure(drain(engine.stream(source as unknown as Inputs[])))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain('stream')
    }
  })

  it('refuses output tensors: several runs would write to them at once', async () => {
    const { engine } = await openManual()
    const outputs = { y: tensor('float32', [4]) }
    expect(await failure(drain(engine.stream(items(2), { outputs } as object)))).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining('outputs'),
    })
  })
})
