import { checkRequest } from '../engine/request.js'
import type { Signature } from '../engine/signature.js'
import type { Inputs, JobId, Outputs, RunOptions, WaitOptions } from '../engine.js'
import { HalError } from '../errors.js'
import { Cancellation } from './cancellation.js'
import type { Connection } from './connection.js'
import { Crossing } from './crossing.js'
import type { Accepted } from './message.js'
import type { RemoteCallback } from './remote-callback.js'
import type { Standstill } from './standstill.js'

const memory = { allocate: (byteLength: number) => new SharedArrayBuffer(byteLength) }

/** The runs of a thread on the engine of another one: checked here, and once more there. */
export class RemoteRuns {
  /** Submitted runs whose outputs go to tensors of the caller, until this thread has them. */
  readonly #targets = new Map<JobId, Crossing>()

  constructor(
    private readonly connection: Connection,
    private readonly standstill: Standstill,
    private readonly callback: RemoteCallback,
    private readonly signature: Signature,
  ) {}

  async run(inputs: Inputs, options: RunOptions): Promise<Outputs> {
    const crossing = this.#crossing(inputs, options)
    const call = this.connection.number()
    const cancellation = this.#cancellation(call, options.signal, 'the run')
    const { cancellable } = cancellation
    try {
      const came = await this.connection.ask({ kind: 'run', cancellable, ...crossing.message }, call)
      return this.#received(crossing, came as Outputs)
    } catch (error) {
      throw cancellation.explain(error)
    } finally {
      cancellation.disarm()
    }
  }

  runSync(inputs: Inputs, { outputs, userArg }: RunOptions): Outputs {
    const crossing = this.#crossing(inputs, {
      ...(outputs !== undefined && { outputs }),
      ...(userArg !== undefined && { userArg }),
    })
    const came = this.standstill.ask({ kind: 'run-now', ...crossing.message })
    return this.#received(crossing, came as Outputs)
  }

  async submit(inputs: Inputs, options: RunOptions): Promise<JobId> {
    const crossing = this.#crossing(inputs, options)
    const call = this.connection.number()
    const cancellation = this.#cancellation(call, options.signal, 'the run')
    const { cancellable } = cancellation
    try {
      const answer = await this.connection.ask({ kind: 'submit', cancellable, ...crossing.message }, call)
      return this.#accepted(answer as Accepted, crossing, cancellation)
    } catch (error) {
      cancellation.disarm()
      throw cancellation.explain(error)
    }
  }

  trySubmit(inputs: Inputs, options: RunOptions): JobId {
    const crossing = this.#crossing(inputs, options)
    const call = this.connection.number()
    const cancellation = this.#cancellation(call, options.signal, 'the run')
    const { cancellable } = cancellation
    try {
      const answer = this.standstill.ask({ kind: 'try-submit', cancellable, ...crossing.message }, call)
      return this.#accepted(answer as Accepted, crossing, cancellation)
    } catch (error) {
      cancellation.disarm()
      throw error
    }
  }

  async wait(job: JobId, { timeout = 0, signal }: WaitOptions): Promise<Outputs> {
    const call = this.connection.number()
    const cancellation = this.#cancellation(call, signal, `waiting for job ${job}`)
    const { cancellable } = cancellation
    try {
      const came = await this.connection.ask({ kind: 'wait', job, timeout, cancellable }, call)
      return this.collect(job, came as Outputs)
    } catch (error) {
      if (endsJob(error, job)) this.forget(job)
      throw cancellation.explain(error)
    } finally {
      cancellation.disarm()
    }
  }

  /** The outputs of a submitted run, in the tensors that this thread has given for them. */
  collect(job: JobId, outputs: Outputs): Outputs {
    const crossing = this.#targets.get(job)
    if (crossing === undefined) return outputs
    this.#targets.delete(job)
    return this.#received(crossing, outputs)
  }

  /** Its outputs will never come. */
  forget(job: JobId): void {
    this.#targets.delete(job)
  }

  #crossing(inputs: Inputs, options: RunOptions): Crossing {
    this.connection.assertOpen()
    const request = checkRequest(this.signature, memory, inputs, options)
    return new Crossing(request, this.signature.outputs, this.signature.inputs.length === 0)
  }

  #cancellation(call: number, signal: AbortSignal | undefined, what: string): Cancellation {
    return new Cancellation(this.connection, call, signal, what)
  }

  #received(crossing: Crossing, came: Outputs): Outputs {
    const { outputs, bytesCopied } = crossing.received(came)
    if (bytesCopied > 0) this.connection.tell({ kind: 'copied', bytes: bytesCopied })
    return outputs
  }

  #accepted(accepted: Accepted, crossing: Crossing, cancellation: Cancellation): JobId {
    if (crossing.hasTargets) this.#targets.set(accepted.job, crossing)
    this.callback.accepted(accepted, cancellation)
    return accepted.job
  }
}

/** The failure is that of the job itself, not of the waiting for it. */
function endsJob(error: unknown, job: JobId): boolean {
  return HalError.isInstance(error) && error.job === job && error.code !== 'HAL_FAILED_PRECONDITION'
}
