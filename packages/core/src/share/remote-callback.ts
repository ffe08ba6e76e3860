import type { JobId, Outputs, RunCallback } from '../engine.js'
import type { Cancellation } from './cancellation.js'
import type { Connection } from './connection.js'
import { encodeError } from './error-message.js'
import type { Accepted, Delivered } from './message.js'

/** The callbacks that a thread has registered over its connection, and its own runs that it hears of without asking. */
export class RemoteCallback {
  /** By number: runs that were submitted before the last one was registered still go to the one before. */
  readonly #callbacks = new Map<number, RunCallback>()
  /** Its runs that are not over, with the watch over their signals. */
  readonly #jobs = new Map<JobId, Cancellation>()
  #registered = 0

  constructor(
    private readonly connection: Connection,
    /** Gives the outputs of a run of this thread in the tensors that it has given for them. */
    private readonly collect: (job: JobId, outputs: Outputs) => Outputs,
  ) {}

  register(callback: RunCallback | null): void {
    if (callback !== null) this.#callbacks.set(++this.#registered, callback)
    this.connection.send({ kind: 'register', callback: callback === null ? null : this.#registered })
  }

  forget(callback: number): void {
    this.#callbacks.delete(callback)
  }

  /** A run of this thread was accepted. */
  accepted({ job, called }: Accepted, cancellation: Cancellation): void {
    if (!called && !cancellation.cancellable) return
    this.#jobs.set(job, cancellation)
    // Whoever submits a run for its callback does not end before that was called.
    this.connection.hold()
  }

  over(job: JobId): void {
    const cancellation = this.#jobs.get(job)
    if (cancellation === undefined) return
    this.#jobs.delete(job)
    cancellation.disarm()
    this.connection.release()
  }

  /** The outputs may be used again once the engine's thread knows that the callback is through. */
  deliver({ callback, delivery, outputs, userArg, job }: Delivered): void {
    this.connection.hold()
    const through = (failure?: { readonly error: unknown }) => {
      this.connection.tell({
        kind: 'called-back',
        delivery,
        ...(failure && { error: encodeError(failure.error) }),
      })
      this.over(job)
      this.connection.release()
    }
    try {
      const returned: unknown = this.#callbacks.get(callback)?.(this.collect(job, outputs), userArg, job)
      const isPromise = typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function'
      if (!isPromise) through()
      else
        Promise.resolve(returned).then(
          () => through(),
          (error: unknown) => through({ error }),
        )
    } catch (error) {
      through({ error })
    }
  }
}
