import type { DriverRun, RunAnswer } from '../backend.js'
import type { JobId, Outputs, Priority, RunCallback } from '../engine.js'
import type { HalError } from '../errors.js'
import type { Tensor } from '../tensor.js'
import type { RunMemory } from './memory.js'
import type { Guard } from './watch.js'

let last = 0

/** Where the runs are dispatched from: high first. */
export const LEVELS: readonly Priority[] = ['high', 'normal', 'low']

/** What a job needs to know of the engine it belongs to. */
export interface JobOwner {
  answered(job: Job, answer: RunAnswer): void
  failed(job: Job, error: unknown): void
  givenBack(job: Job): void
  lost(job: Job, error: unknown): void
}

export interface Waiter {
  resolve(outputs: Outputs): void
  reject(error: HalError): void
}

/** One accepted run, from its acceptance until it was settled and the driver has let go of it. */
export class Job implements DriverRun {
  /** Rises with every run of this process. */
  readonly job: JobId = ++last
  /** Set by the scheduler when it hands the job to the driver; -1 while the job is queued. */
  lane = -1
  core = ''
  /** Milliseconds of core time that its engine was charged for it in advance. */
  price = 0
  /** It may be executed once more, where its worker is lost. */
  repeatable = false
  /** The result is fixed. The driver may still be busy with the job: then it was abandoned. */
  settled = false
  outcome: { readonly outputs: Outputs } | { readonly error: HalError } | undefined
  /** It was delivered to the shelf, where `wait` finds it. */
  shelved = false
  /** The callback is at work on the outputs. */
  delivering = false
  waiter: Waiter | undefined
  /** Watches the caller's timeout and signal. */
  guard: Guard | undefined

  constructor(
    private readonly owner: JobOwner,
    readonly memory: RunMemory,
    readonly inputNames: readonly string[],
    readonly level: number,
    readonly callback: RunCallback | null,
    readonly userArg: unknown,
    readonly submittedAt: number,
  ) {}

  get inputs(): readonly Tensor[] {
    return this.memory.inputs
  }

  get outputs(): readonly (Tensor | undefined)[] {
    return this.memory.outputs
  }

  get lend(): boolean {
    return this.callback !== null && this.waiter === undefined && this.memory.callerOutputs === undefined
  }

  done(answer: RunAnswer): void {
    this.owner.answered(this, answer)
  }

  fail(error: unknown): void {
    this.owner.failed(this, error)
  }

  giveBack(): void {
    this.owner.givenBack(this)
  }

  lose(error: unknown): void {
    this.owner.lost(this, error)
  }
}
