import type { Outputs } from '../engine.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import type { Events } from './events.js'
import type { Job } from './job.js'
import type { Results } from './results.js'
import type { Stats } from './stats.js'

/** Brings settled runs to whoever asked for them: the callback, the one who waits, or the shelf for a later `wait`. */
export class Delivery {
  /** In ordered mode: the runs not yet delivered, in the order of their acceptance. */
  readonly #order = new Set<Job>()

  constructor(
    private readonly ordered: boolean,
    private readonly origin: HalErrorDetails,
    private readonly events: Events,
    private readonly results: Results,
    private readonly stats: () => Stats,
    /** The run is through: nobody works on its outputs any more. */
    private readonly finished: () => void,
  ) {}

  expect(job: Job): void {
    if (this.ordered) this.#order.add(job)
  }

  settled(job: Job): void {
    if (!this.ordered) {
      this.#deliver(job)
      return
    }
    // Who has given up on a run does not wait for those before it.
    if ((job.urgent || wasGivenUp(job)) && this.#order.delete(job)) this.#deliver(job)
    for (const next of this.#order) {
      if (!next.settled) break
      this.#order.delete(next)
      this.#deliver(next)
    }
  }

  /** Calls the callback; what it throws reaches the `error` event and nothing else. A promise: it is still at work. */
  call(job: Job, outputs: Outputs): Promise<void> | undefined {
    const failed = (error: unknown) => {
      this.stats().callbackErrors++
      const message = `the callback threw for job ${job.job}: ${HalError.from(error).message}`
      const details = { ...this.origin, job: job.job, cause: error }
      this.events.emit('error', new HalError('HAL_INTERNAL', message, details))
    }
    try {
      const returned: unknown = job.callback?.(outputs, job.userArg, job.job)
      // Any thenable: a promise may come from another realm.
      if (isThenable(returned)) return Promise.resolve(returned).then(() => undefined, failed)
    } catch (error) {
      failed(error)
    }
    return undefined
  }

  #deliver(job: Job): void {
    const outcome = job.outcome as NonNullable<Job['outcome']>
    if ('error' in outcome) this.#fail(job, outcome.error)
    else if (job.callback === null) this.#hand(job, outcome.outputs)
    else {
      const { outputs } = outcome
      job.delivering = true
      const busy = this.call(job, outputs)
      if (busy === undefined || job.urgent) this.#hand(job, outputs)
      else busy.then(() => this.#hand(job, outputs))
    }
  }

  #hand(job: Job, outputs: Outputs): void {
    job.delivering = false
    job.memory.delivered(job.waiter !== undefined || job.callback === null)
    if (job.waiter !== undefined) job.waiter.resolve(outputs)
    else if (job.callback !== null) this.results.forget(job)
    else this.results.keep(job)
    this.finished()
    job.over?.()
  }

  #fail(job: Job, error: HalError): void {
    job.memory.delivered(false)
    if (job.waiter !== undefined) job.waiter.reject(error)
    else if (job.callback !== null) {
      this.results.forget(job)
      this.events.emit('error', error)
    } else this.results.keep(job)
    this.finished()
    job.over?.()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
}

function wasGivenUp({ outcome }: Job): boolean {
  if (outcome === undefined || !('error' in outcome)) return false
  return outcome.error.code === 'HAL_ABORTED' || outcome.error.code === 'HAL_DEADLINE_EXCEEDED'
}
