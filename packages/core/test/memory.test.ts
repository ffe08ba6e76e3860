import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DriverRun } from '../src/backend.ts'
import { type Engine, HalError, type Inputs, type JobId, type Outputs, tensor } from '../src/index.ts'
import {
  bufferOf,
  cores,
  flush,
  type ManualEngine,
  numbers,
  openManual,
  tagged,
  tagOf,
} from './fixtures/manual-backend.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** The same numbers for the same seed, from 0 to 1. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Does everything an application and a device can do to an engine, at random, and checks every result. */
class Storm {
  readonly faults: string[] = []
  readonly settlements = new Map<JobId, number>()
  readonly #owned: { tag: number; outputs: Outputs }[] = []
  readonly #jobs: { job: JobId; tag: number }[] = []
  readonly #aborts: AbortController[] = []
  readonly #answered: DriverRun[] = []
  readonly #gates: (() => void)[] = []
  readonly #pending: Promise<unknown>[] = []
  callbacks = 0
  #tag = 0

  constructor(
    private readonly engine: Engine,
    private readonly driver: ManualEngine,
    private readonly chance: () => number,
  ) {
    engine.on('error', () => {})
    engine.on('run', ({ job }) => this.settlements.set(job, (this.settlements.get(job) ?? 0) + 1))
  }

  step(): void {
    const actions = [
      () => this.#run(),
      () => this.#submit(),
      () => this.#submit(),
      () => this.#wait(),
      () => this.#answer(),
      () => this.#answer(),
      () => this.#answer(),
      () => this.#fail(),
      () => this.#answerTwice(),
      () => this.#pick(this.#aborts)?.abort(),
      () => vi.advanceTimersByTime(this.#below(20)),
      () => this.#callback(),
      () => this.#gates.splice(this.#below(this.#gates.length), 1)[0]?.(),
    ]
    this.#pick(actions)?.()
  }

  async end(): Promise<void> {
    for (const { job, tag } of this.#jobs) this.#collect(job, tag)
    for (let i = 0; i < 50; i++) {
      this.driver.answerAll()
      for (const open of this.#gates.splice(0)) open()
      await flush()
    }
    await this.engine.close()
    await Promise.all(this.#pending)
    for (const { tag, outputs } of this.#owned) this.#check(tag, outputs, 'at the end')
  }

  #run(): void {
    const tag = ++this.#tag
    this.#expect(tag, this.engine.run(this.#inputs(tag), this.#options(tag)))
  }

  #submit(): void {
    const tag = ++this.#tag
    const options = { ...this.#options(tag), userArg: tag }
    const accepted = (job: JobId) => void this.#jobs.push({ job, tag })
    if (this.chance() < 0.5) this.#quiet(this.engine.runAsync(this.#inputs(tag), tag, options).then(accepted))
    else {
      try {
        accepted(this.engine.tryRunAsync(this.#inputs(tag), tag, options))
      } catch (error) {
        this.#expectError(error)
      }
    }
  }

  #wait(): void {
    const found = this.#pick(this.#jobs)
    if (found !== undefined) this.#collect(found.job, found.tag, this.chance() < 0.3 ? { timeout: 5 } : {})
  }

  #collect(job: JobId, tag: number, options = {}): void {
    this.#expect(tag, this.engine.wait(job, options))
  }

  #answer(): void {
    const run = this.#pick(this.driver.held)
    if (run === undefined) return
    this.driver.answer(run, this.chance() < 0.05 ? { answer: { outputs: [] } } : {})
    this.#answered.push(run)
  }

  #fail(): void {
    const run = this.#pick(this.driver.held)
    if (run === undefined || this.chance() < 0.5) return
    this.driver.fail(new HalError('HAL_UNAVAILABLE', 'the device would rather not'), run)
    this.#answered.push(run)
  }

  #answerTwice(): void {
    const run = this.#pick(this.#answered)
    if (run === undefined) return
    const times = { startedAt: 0, endedAt: 1, bytesCopied: 0 }
    run.done({ outputs: [tensor('float32', [4], [-1, -1, -1, -1])], ...times })
  }

  #callback(): void {
    const kind = this.#below(4)
    if (kind === 0) this.engine.registerCallback(null)
    else {
      this.engine.registerCallback((outputs, tag) => {
        this.callbacks++
        this.#check(tag as number, outputs, 'in the callback')
        if (kind === 1) throw new Error('callback')
        if (kind === 2) return undefined
        return new Promise<void>((resolve) => {
          this.#gates.push(() => {
            this.#check(tag as number, outputs, 'in the asynchronous callback')
            resolve()
          })
        })
      })
    }
  }

  #inputs(tag: number): Inputs {
    if (this.chance() < 0.5) return tagged(tag)
    return { x: { dataType: 'float32', shape: [4], data: new Float32Array(4).fill(tag) } }
  }

  #options(tag: number): Record<string, unknown> {
    const options: Record<string, unknown> = { userArg: tag }
    if (this.chance() < 0.3) options.timeout = 1 + this.#below(40)
    if (this.chance() < 0.3) options.priority = this.#pick(['low', 'normal', 'high'])
    if (this.chance() < 0.1) options.outputs = { y: tensor('float32', [4]) }
    if (this.chance() < 0.3) {
      const abort = new AbortController()
      this.#aborts.push(abort)
      options.signal = abort.signal
    }
    return options
  }

  #expect(tag: number, result: Promise<Outputs>): void {
    this.#quiet(
      result.then((outputs) => {
        this.#check(tag, outputs, 'as settled')
        this.#owned.push({ tag, outputs })
      }),
    )
  }

  #quiet(work: Promise<unknown>): void {
    this.#pending.push(work.catch((error: unknown) => this.#expectError(error)))
  }

  #expectError(error: unknown): void {
    if (!HalError.isInstance(error)) this.faults.push(`not a HalError: ${String(error)}`)
  }

  #check(tag: number, outputs: Outputs, when: string): void {
    const got = numbers(outputs.y)
    if (got.length !== 4 || got.some((value) => value !== tag))
      this.faults.push(`run ${tag} has ${got} ${when}`)
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[this.#below(from.length)]
  }

  #below(limit: number): number {
    return Math.floor(this.chance() * limit)
  }
}

describe('memory', () => {
  const ways = [true, false].flatMap((recall) =>
    [true, false].flatMap((ordered) =>
      (['shared', 'any'] as const).map((memory) => ({ recall, ordered, memory })),
    ),
  )
  it.each(ways)('never has two owners, whatever happens: %o', async ({ recall, ordered, memory }) => {
    const seen = { succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, stray: 0, refused: 0, callbacks: 0 }
    for (let seed = 1; seed <= 12; seed++) {
      const { engine, driver } = await openManual(
        { cores: cores(2), depth: 2, recall, memory },
        { maxLoad: 8, maxWaiting: 5, bufferCount: 4, ordered },
      )
      const storm = new Storm(engine, driver, random(seed))
      for (let i = 0; i < 400; i++) {
        storm.step()
        if (i % 3 === 0) await flush()
      }
      await storm.end()
      const stats = engine.stats()
      expect({ seed, faults: storm.faults }).toEqual({ seed, faults: [] })
      expect([...storm.settlements.values()].filter((count) => count !== 1)).toEqual([])
      expect(storm.settlements.size).toBe(stats.accepted)
      expect(stats.succeeded + stats.failed + stats.cancelled + stats.timedOut).toBe(stats.accepted)
      expect(stats.load).toBe(0)
      seen.succeeded += stats.succeeded
      seen.failed += stats.failed
      seen.cancelled += stats.cancelled
      seen.timedOut += stats.timedOut
      seen.stray += stats.strayAnswers
      seen.refused += stats.refused
      seen.callbacks += storm.callbacks
    }
    // The storm was one: everything has happened.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0)
  })

  it('of an abandoned run is not used again before the device has let go of it', async () => {
    const { engine, driver } = await openManual({ depth: 3 })
    engine.registerCallback(() => {})
    const abort = new AbortController()
    engine.run(tagged(1), { signal: abort.signal }).catch(() => {})
    const [abandoned] = driver.held
    abort.abort()
    for (let tag = 2; tag < 10; tag++) {
      engine.tryRunAsync(tagged(tag))
      const run = driver.held.at(-1)
      expect(run?.outputs[0]?.data).not.toBe(abandoned?.outputs[0]?.data)
      driver.answer(run)
    }
    driver.answer(abandoned)
    engine.tryRunAsync(tagged(11))
    expect(driver.held[0]?.outputs[0]?.data).toBe(abandoned?.outputs[0]?.data)
  })

  it('of inputs that had to be copied is used again, and not before', async () => {
    const { engine, driver } = await openManual({ depth: 2 })
    engine.registerCallback(() => {})
    const plain = (tag: number): Inputs => ({
      x: { dataType: 'float32', shape: [4], data: new Float32Array(4).fill(tag) },
    })
    engine.tryRunAsync(plain(1))
    engine.tryRunAsync(plain(2))
    expect(driver.held.map(tagOf)).toEqual([1, 2])
    const [first] = driver.held
    const data = first?.inputs[0]?.data as Float32Array
    driver.answer(first)
    engine.tryRunAsync(plain(3))
    expect(bufferOf(driver.held.at(-1)?.inputs[0])).toBe(data.buffer)
    expect(driver.held.map(tagOf)).toEqual([2, 3])
    expect(engine.stats().bytesCopied).toBe(48)
  })

  it('for copied inputs of ever new sizes is not hoarded', async () => {
    const { engine, driver } = await openManual({ inputs: [{ name: 'x', dataType: 'float32', shape: [-1] }] })
    engine.registerCallback(() => {})
    const run = (length: number) => {
      engine.tryRunAsync({ x: { dataType: 'float32', shape: [length], data: new Float32Array(length) } })
      const data = driver.held[0]?.inputs[0]?.data as Float32Array
      driver.answer()
      return data.buffer
    }
    const first = run(1)
    for (let length = 2; length < 100; length++) run(length)
    // The oldest is gone by now: a copy of its size comes on new memory.
    expect(run(1)).not.toBe(first)
  })

  it('of results that were collected is never used again', async () => {
    const { engine, driver } = await openManual()
    const kept: { tag: number; outputs: Outputs }[] = []
    for (let tag = 1; tag <= 50; tag++) {
      const job = engine.tryRunAsync(tagged(tag))
      driver.answer()
      kept.push({ tag, outputs: await engine.wait(job) })
    }
    for (const { tag, outputs } of kept) expect(numbers(outputs.y)).toEqual([tag, tag, tag, tag])
    const slabs = kept.map(({ outputs }) => outputs.y?.data)
    expect(new Set(slabs).size).toBe(50)
  })
})
