import type { RunAnswer } from '../../backend.js'
import type { JobId } from '../../engine.js'
import type { Tensor } from '../../tensor.js'
import type { Place } from '../client.js'
import { nextId, type TaskOwner } from '../job.js'
import type { Task } from '../task.js'
import type { BatchMemory } from './batch-memory.js'
import type { Part } from './member.js'

export interface BatchOwner extends TaskOwner<Batch> {
  /** It is being handed to a driver: it grows no more, and needs its tensors. */
  began(batch: Batch): BatchMemory
}

/** Rows of one request or of several, executed together. It grows until it is full or handed to a driver. */
export class Batch implements Task {
  readonly job: JobId = nextId()
  readonly parts: Part[] = []
  rows = 0
  place: Place | undefined
  price = 0
  /** No row can join any more. */
  closed = false
  /** It is with the scheduler. */
  queued = false
  /** Ends the waiting for more rows. */
  stopWaiting: () => void = () => {}
  #memory: BatchMemory | undefined

  constructor(
    private readonly owner: BatchOwner,
    readonly level: number,
    /** When its first row came, in milliseconds of the monotonic clock. */
    readonly since: number,
  ) {}

  add(part: Part): void {
    part.batch = this
    this.parts.push(part)
    this.rows += part.rows
  }

  remove(part: Part): void {
    this.parts.splice(this.parts.indexOf(part), 1)
    this.rows -= part.rows
  }

  get begun(): boolean {
    return this.#memory !== undefined
  }

  get settled(): boolean {
    return this.parts.every(({ member }) => member.job.settled)
  }

  /** What can still grow is better off in the queue than behind another one. */
  get mayWaitOnLane(): boolean {
    return this.closed
  }

  get lane(): number {
    return this.place?.lane ?? -1
  }

  get inputs(): readonly Tensor[] {
    return this.#memory?.inputs ?? []
  }

  get outputs(): readonly (Tensor | undefined)[] {
    return this.#memory?.outputs ?? []
  }

  get inputNames(): readonly string[] {
    return this.parts[0]?.member.job.inputNames ?? []
  }

  get lend(): boolean {
    return this.alone?.member.job.lend === true
  }

  /** The part, where it is a whole request and no other is here. */
  get alone(): Part | undefined {
    const [part] = this.parts
    return this.parts.length === 1 && part?.rows === part?.member.rows ? part : undefined
  }

  begin(): void {
    this.closed = true
    this.#memory ??= this.owner.began(this)
    for (const { member } of this.parts) member.job.place = this.place
  }

  /** The driver has let go of it, and its outputs are where they belong. */
  free(): void {
    this.#memory?.free()
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
