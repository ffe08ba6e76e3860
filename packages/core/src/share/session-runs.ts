import type { Job } from '../engine/job.js'
import type { EngineHandle, Inputs, JobId, Outputs, RunOptions } from '../engine.js'
import type { Tensor } from '../tensor.js'
import { shareOutputs } from './crossing.js'
import type { SharedEngine } from './handle.js'
import type { Accepted, Asked, RunMessage } from './message.js'
import type { SessionCallback } from './session-callback.js'

interface Cancellable {
  readonly controller: AbortController
  /** `submit`: nobody else knows of it yet. `job`: it was accepted, and goes on without the thread that asked for it. */
  kind: 'call' | 'submit' | 'job'
}

/** What another thread asks for that takes time: runs, waiting for jobs, clones. */
export class SessionRuns {
  /** Aborted at the end of the session. */
  readonly #end = new AbortController()
  /** Calls with a signal of their own. */
  readonly #cancellable = new Map<number, Cancellable>()

  constructor(
    private readonly shared: SharedEngine,
    private readonly callback: SessionCallback,
    private readonly onOver: (job: JobId, failed: boolean) => void,
  ) {}

  async run(message: Asked<'run'>): Promise<Outputs> {
    const signal = message.cancellable ? this.#own(message.call, 'call') : this.#end.signal
    try {
      return this.#outgoing(await this.shared.engine.run(this.#inputs(message), settings(message, signal)))
    } finally {
      this.#cancellable.delete(message.call)
    }
  }

  async runNow(message: Asked<'run-now'>): Promise<Outputs> {
    const outputs = await new Promise<Outputs>((resolve, reject) => {
      const options = settings(message, this.#end.signal)
      this.shared.pipeline.submitUrgent(this.#inputs(message), options, (job) => {
        job.waiter = { resolve, reject }
        this.callback.urgent = job.job
      })
    })
    return this.#outgoing(outputs)
  }

  /** `tell` is called within the acceptance: nothing can be heard of the run before. */
  async submit(message: Asked<'submit'>, tell: (accepted: Accepted) => void): Promise<void> {
    const { pipeline } = this.shared
    pipeline.assertCollected()
    // While it waits to be accepted, nobody but the thread that asked knows of it: it ends with that.
    const own = message.cancellable || pipeline.admission.full
    const options = settings(message, own ? this.#own(message.call, 'submit') : undefined)
    try {
      await pipeline.submit(this.#inputs(message), options, (job) => tell(this.#accepted(job, message)))
    } catch (error) {
      this.#cancellable.delete(message.call)
      throw error
    }
  }

  trySubmit(message: Asked<'try-submit'>, tell: (accepted: Accepted) => void): void {
    const { pipeline } = this.shared
    pipeline.assertCollected()
    const options = settings(message, message.cancellable ? this.#own(message.call, 'submit') : undefined)
    try {
      pipeline.trySubmit(this.#inputs(message), options, (job) => tell(this.#accepted(job, message)))
    } catch (error) {
      this.#cancellable.delete(message.call)
      throw error
    }
  }

  async wait({ call, job, timeout, cancellable }: Asked<'wait'>): Promise<Outputs> {
    const signal = cancellable ? this.#own(call, 'call') : this.#end.signal
    try {
      return this.#outgoing(await this.shared.engine.wait(job, { timeout, signal }))
    } finally {
      this.#cancellable.delete(call)
    }
  }

  /** A clone belongs to the thread that made it. */
  async clone({ call, options }: Asked<'clone'>): Promise<EngineHandle> {
    const signal = this.#own(call, 'call')
    try {
      const clone = (await this.shared.engine.clone(options, { signal })) as SharedEngine['engine']
      const handle = clone.share(true)
      // Nobody is there to connect to it.
      if (this.#end.signal.aborted) handle.close()
      return handle
    } finally {
      this.#cancellable.delete(call)
    }
  }

  cancel(call: number, reason: unknown): void {
    this.#cancellable.get(call)?.controller.abort(reason)
  }

  /** Counts what the thread has copied. */
  copied(bytes: number): void {
    if (Number.isSafeInteger(bytes) && bytes > 0) this.shared.pipeline.stats.bytesCopied += bytes
  }

  end(): void {
    const reason = new Error('the thread that asked for it has ended, or closed its connection')
    const abort = (kind: Cancellable['kind']) => {
      for (const entry of this.#cancellable.values()) if (entry.kind === kind) entry.controller.abort(reason)
    }
    // First what waits to be accepted: it would be when the others make room.
    abort('submit')
    this.#end.abort(reason)
    abort('call')
  }

  #own(call: number, kind: Cancellable['kind']): AbortSignal {
    const controller = new AbortController()
    this.#cancellable.set(call, { controller, kind })
    return controller.signal
  }

  #accepted(job: Job, { call, cancellable }: Asked<'submit' | 'try-submit'>): Accepted {
    this.shared.pipeline.results.add(job)
    const called = this.callback.isRegistered
    const own = this.#cancellable.get(call)
    if (own !== undefined) own.kind = 'job'
    if (!cancellable) this.#cancellable.delete(call)
    if (called || cancellable) {
      job.over = () => {
        this.#cancellable.delete(call)
        // Else the callback has told it.
        const failed = job.outcome === undefined || 'error' in job.outcome
        if (cancellable || failed) this.onOver(job.job, failed)
      }
    }
    return { job: job.job, called }
  }

  #inputs({ inputs, names, bytesCopied = 0 }: RunMessage): Inputs {
    this.copied(bytesCopied)
    return names === undefined
      ? inputs
      : Object.fromEntries(names.map((name, i) => [name, inputs[i] as Tensor]))
  }

  #outgoing(given: Outputs): Outputs {
    const { outputs, bytesCopied } = shareOutputs(given)
    this.shared.pipeline.stats.bytesCopied += bytesCopied
    return outputs
  }
}

function settings({ options }: RunMessage, signal: AbortSignal | undefined): RunOptions {
  return { ...options, ...(signal && { signal }) }
}
