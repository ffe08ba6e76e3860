import type { RunAnswer } from '../backend.js'
import type { JobId, Outputs, Priority, RunCallback } from '../engine.js'
import type { HalError } from '../errors.js'
import type { Tensor } from '../tensor.js'
import type { Place } from './client.js'
import type { RunMemory } from './memory.js'
import type { Task } from './task.js'
import type { Guard } from './watch.js'

let last = 0

/** Rises with every run of this process. */
export function nextId(): JobId {
  return ++last
}

/** Where the runs are dispatched from: high first. */
export const LEVELS: readonly Priority[] = ['high', 'normal', 'low']

/** Who hears what a driver makes of a task. */
export interface TaskOwner<T extends Task> {
  answered(task: T, answer: RunAnswer): void
  failed(task: T, error: unknown): void
  givenBack(task: T): void
  lost(task: T, error: unknown): void
}

/** What came of a run. */
export type Outcome = { readonly outputs: Outputs } | { readonly error: HalError }

export interface Waiter {
  resolve(outputs: Outputs): void
  reject(error: HalError): void
}

/** One accepted run, from its acceptance until it was settled and the driver has let go of it. */
export class Job implements Task {
  readonly job = nextId()
  place: Place | undefined
  price = 0
  readonly mayWaitOnLane = true
  /** It may be executed once more, where its worker is lost. */
  repeatable = false
  settled = false
  outcome: Outcome | undefined
  /** It was delivered to the shelf, where `wait` finds it. */
  shelved = false
  /** The callback is at work on the outputs. */
  delivering = false
  /** A thread stands still until it has the answer: neither a callback nor the order of delivery may hold it up. */
  urgent = false
  waiter: Waiter | undefined
  /** Called when it was delivered, and its callback is through. */
  over: (() => void) | undefined
  /** Watches the caller's timeout and signal. */
  guard: Guard | undefined

  constructor(
    /** Missing where it is not a task of its own: in a batch, and on the calling thread. */
    private readonly owner: TaskOwner<Job> | undefined,
    readonly memory: RunMemory,
    readonly inputNames: readonly string[],
    readonly level: number,
    readonly callback: RunCallback | null,
    readonly userArg: unknown,
    readonly submittedAt: number,
  ) {}

  /** The device of `runSync`, which goes past the lanes. */
  syncDevice: string | undefined

  /** Where it is, or was. */
  get device(): string | undefined {
    return this.place?.device ?? this.syncDevice
  }

  get lane(): number {
    return this.place?.lane ?? -1
  }

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
    this.owner?.answered(this, answer)
  }

  fail(error: unknown): void {
    this.owner?.failed(this, error)
  }

  giveBack(): void {
    this.owner?.givenBack(this)
  }

  lose(error: unknown): void {
    this.owner?.lost(this, error)
  }
}
