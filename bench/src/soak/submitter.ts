import { type Engine, HalError, type JobId, type Outputs, type RunOptions } from '@xpu-hal/core'
import type { Books } from './books.js'
import type { Callbacks } from './callbacks.js'
import { randomOptions } from './patience.js'
import type { Random } from './random.js'
import { inputsOf, isRight, type Sample } from './samples.js'

/** Answers that a submitter holds on to for a while, to see that nobody writes to them. */
const HELD = 8
const LONGEST_GROUP = 24

/** An application in miniature: submits runs to an engine in one way after the other, and checks what becomes of them. */
export class Submitter {
  readonly #held: { readonly outputs: Outputs; readonly sample: Sample }[] = []
  readonly #free: Outputs[] = []

  constructor(
    private readonly engine: Engine,
    private readonly books: Books,
    private readonly samples: readonly Sample[],
    private readonly random: Random,
    /** A signal of the whole soak, which never aborts. */
    private readonly never: AbortSignal,
    /** The callback of the engine, where it has one. */
    private readonly callbacks: Callbacks | undefined,
  ) {}

  async submit(): Promise<void> {
    const { random } = this
    const way = random.below(8)
    if (way < 3) await this.#run()
    else if (way < 6) await (this.callbacks === undefined ? this.#job() : this.#callback(this.callbacks))
    else if (way < 7) await this.#batch()
    else await this.#stream()
  }

  async #run(): Promise<void> {
    const sample = this.random.pick(this.samples)
    const outputs = this.#ownOutputs()
    try {
      const options = { ...this.#options(), ...(outputs && { outputs }) }
      this.#take(await this.engine.run(inputsOf(sample, this.random), options), sample, outputs)
    } catch (error) {
      // Own outputs of a run that was given up stay behind: the device may still write to them.
      this.books.failed(error)
    }
  }

  async #job(): Promise<void> {
    const sample = this.random.pick(this.samples)
    try {
      const job = await this.#submit(sample, undefined)
      if (this.random.chance(0.3)) await new Promise(setImmediate)
      this.#take(await this.#wait(job), sample)
    } catch (error) {
      this.books.failed(error)
    }
  }

  /** Loses its patience now and then, and comes back. */
  async #wait(job: JobId): Promise<Outputs> {
    if (this.random.chance(0.7)) return this.engine.wait(job)
    try {
      return await this.engine.wait(job, { timeout: 1 })
    } catch (error) {
      if (!HalError.isInstance(error) || error.job !== undefined) throw error
      return await this.engine.wait(job)
    }
  }

  async #callback(callbacks: Callbacks): Promise<void> {
    const sample = this.random.pick(this.samples)
    try {
      await callbacks.outcome(sample, (userArg) => this.#submit(sample, userArg))
    } catch (error) {
      this.books.failed(error)
    }
  }

  async #submit(sample: Sample, userArg: unknown): Promise<JobId> {
    const inputs = inputsOf(sample, this.random)
    if (this.random.chance(0.2)) return this.engine.tryRunAsync(inputs, userArg, this.#options())
    return this.engine.runAsync(inputs, userArg, this.#options())
  }

  async #batch(): Promise<void> {
    const samples = this.#group()
    const items = samples.map((sample) => inputsOf(sample, this.random))
    const outputs = this.random.chance(0.3) ? items.map(() => this.#allocate()) : undefined
    const { outputs: _, ...shared } = this.#options()
    const results = await this.engine.runBatch(items, { ...shared, ...(outputs && { outputs }) })
    results.forEach((result, i) => {
      const sample = samples[i] as Sample
      if (result.status === 'rejected') this.books.failed(result.reason)
      else this.#take(result.value, sample, outputs?.[i])
    })
    this.books.unexpected += Math.abs(results.length - items.length)
  }

  async #stream(): Promise<void> {
    const { random } = this
    const samples = this.#group()
    const leaveAt = random.chance(0.3) ? random.below(samples.length) : samples.length
    let pulled = 0
    let told = 0
    const source = function* () {
      for (const sample of samples) {
        pulled++
        yield inputsOf(sample, random)
      }
    }
    try {
      for await (const outputs of this.engine.stream(source(), this.#options())) {
        this.#take(outputs, samples[told++] as Sample)
        if (told > leaveAt) break
      }
    } catch (error) {
      // Without a job it is the stream that was aborted, or a run that was never accepted.
      if (HalError.isInstance(error) && error.job !== undefined) told++
      this.books.failed(error)
    }
    this.books.discarded += pulled - told
  }

  /** An answer: checked, and then let go at once, held for a while, or written to once more. */
  #take(outputs: Outputs, sample: Sample, own?: Outputs): void {
    this.books.succeeded(isRight(outputs, sample))
    if (own !== undefined && outputs.y !== own.y) this.books.unexpected++
    if (own !== undefined) this.#free.push(own)
    else if (this.random.chance(0.2)) this.#held.push({ outputs, sample })
    if (this.#held.length <= HELD && this.#free.length <= HELD) return
    this.release()
  }

  /** Checks what was held once more, and lets go of it. */
  release(): void {
    for (const { outputs, sample } of this.#held.splice(0)) if (!isRight(outputs, sample)) this.books.wrong++
    this.#free.length = 0
  }

  #ownOutputs(): Outputs | undefined {
    if (!this.random.chance(0.3)) return undefined
    return this.#free.pop() ?? this.#allocate()
  }

  #allocate(): Outputs {
    return { y: this.engine.allocate('y') }
  }

  #group(): Sample[] {
    return Array.from({ length: 1 + this.random.below(LONGEST_GROUP) }, () => this.random.pick(this.samples))
  }

  #options(): RunOptions {
    return randomOptions(this.random, this.never)
  }
}
