import type { Engine, HalError, JobId, Outputs } from '@xpu-hal/core'
import { type Books, Planned } from './books.js'
import type { Random } from './random.js'
import { isRight, type Sample } from './samples.js'

/** What a run carries to the callback. */
interface Carried {
  readonly sample: Sample
  readonly told: () => void
  calls: number
}

/** The callback of an engine: plain, asynchronous or throwing; and the errors of the runs that only it hears of. */
export class Callbacks {
  readonly #failing = new Map<JobId, (error: HalError) => void>()
  /** Of jobs whose submitter does not know them yet. */
  readonly #early = new Map<JobId, HalError>()

  constructor(
    engine: Engine,
    private readonly books: Books,
    private readonly random: Random,
  ) {
    engine.registerCallback((outputs, userArg) => this.#called(outputs, userArg as Carried | undefined))
    engine.on('error', (error) => this.#failed(error))
  }

  /** Resolves when the callback had the run, and rejects with the error of the run. */
  async outcome(sample: Sample, submit: (userArg: unknown) => Promise<JobId>): Promise<void> {
    const { promise, resolve, reject } = deferred()
    const carried: Carried = { sample, told: resolve, calls: 0 }
    const job = await submit(carried)
    const error = this.#early.get(job)
    this.#early.delete(job)
    if (error !== undefined) throw error
    if (carried.calls > 0) return promise
    this.#failing.set(job, reject)
    await promise.finally(() => this.#failing.delete(job))
  }

  #called(outputs: Outputs, carried: Carried | undefined): void | Promise<void> {
    this.books.callbacks++
    // Somebody else waits for it, and checks it.
    if (carried === undefined) return
    carried.calls++
    if (carried.calls > 1) this.books.unexpected++
    if (this.random.chance(0.2)) return this.#checkLater(outputs, carried)
    this.#check(outputs, carried)
    if (this.random.chance(0.01)) this.#fail()
  }

  async #checkLater(outputs: Outputs, carried: Carried): Promise<void> {
    await new Promise(setImmediate)
    this.#check(outputs, carried)
    if (this.random.chance(0.01)) this.#fail()
  }

  #check(outputs: Outputs, { sample, told }: Carried): void {
    this.books.succeeded(isRight(outputs, sample))
    told()
  }

  #fail(): never {
    this.books.callbackErrors++
    throw new Planned('thrown on purpose')
  }

  #failed(error: HalError): void {
    if (error.cause instanceof Planned) return
    if (error.job === undefined) this.books.unexpected++
    else {
      const fail = this.#failing.get(error.job)
      if (fail === undefined) this.#early.set(error.job, error)
      else fail(error)
    }
  }

  /** Errors of runs that nobody had submitted. */
  get unclaimed(): number {
    return this.#early.size
  }
}

function deferred() {
  let resolve = () => {}
  let reject: (error: HalError) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
