import type { EngineDriver, RunAnswer } from '../../backend.js'
import { now } from '../../clock.js'
import type { Batching } from '../../common-options.js'
import type { Outputs } from '../../engine.js'
import { HalError, type HalErrorDetails } from '../../errors.js'
import { checkAnswer } from '../answer.js'
import type { Answers } from '../answers.js'
import type { Dispatcher } from '../dispatcher.js'
import { detailsOf, type Execution, isLoss, measureFault, type Settle } from '../execution.js'
import type { Job } from '../job.js'
import type { EngineMemory, RunMemory } from '../memory.js'
import type { Request } from '../request.js'
import type { Stats } from '../stats.js'
import { Batch, type BatchOwner } from './batch.js'
import { aloneMemory, type BatchMemory, joinedMemory, MemberMemory } from './batch-memory.js'
import { Member, type Part } from './member.js'
import { at, Patience } from './patience.js'
import { kindOf, rowsOf } from './rows.js'

/** Joins the rows of waiting requests to batches, and takes their answers apart again. */
export class Batcher implements Execution, BatchOwner {
  readonly #members = new Map<Job, Member>()
  /** Those that can still grow, by level and the shapes of their rows. */
  readonly #open = new Map<string, Batch>()
  readonly #patience: Patience

  constructor(
    private readonly batching: Required<Batching>,
    private readonly dispatcher: Dispatcher,
    private readonly memory: EngineMemory,
    private readonly answers: Answers,
    private readonly stats: () => Stats,
    private readonly origin: HalErrorDetails,
    private readonly settle: Settle,
  ) {
    this.#patience = new Patience(batching)
  }

  check({ inputs, inputNames }: Request): void {
    rowsOf(inputs, inputNames)
  }

  memoryFor({ inputs, callerOutputs }: Request): RunMemory {
    return new MemberMemory(this.memory, inputs, [], [], callerOutputs)
  }

  start(job: Job): void {
    const member = new Member(job, rowsOf(job.inputs, job.inputNames), this.batching.maxSize)
    this.#members.set(job, member)
    this.#patience.arrived(now())
    const key = `${job.level} ${kindOf(job.inputs)}`
    for (const part of member.parts) this.#add(part, key)
  }

  withdraw(job: Job): boolean {
    const parts = this.#members.get(job)?.parts ?? []
    const kept = parts.filter((part) => !this.#takeOut(part))
    if (kept.length === 0) this.#members.delete(job)
    return kept.length === 0
  }

  stop(job: Job): void {
    const member = this.#members.get(job)
    this.#members.delete(job)
    if (member !== undefined) this.#stop(member)
  }

  isBusyWith(driver: EngineDriver, job: Job): boolean {
    return this.#members.get(job)?.parts.some(({ batch }) => batch?.place?.driver === driver) === true
  }

  began(batch: Batch): BatchMemory {
    batch.stopWaiting()
    this.#close(batch)
    const { outputs } = (batch.place ?? this.dispatcher.place).driver
    const memory =
      batch.alone === undefined ? joinedMemory(batch, outputs, this.memory) : aloneMemory(batch, this.memory)
    this.stats().bytesCopied += memory.bytesCopied
    return memory
  }

  answered(batch: Batch, answer: RunAnswer): void {
    const fault = measureFault(answer)
    if (fault !== undefined) {
      this.failed(batch, fault)
      return
    }
    const { driver } = batch.place ?? this.dispatcher.place
    const { rows, alone } = batch
    const ms = answer.endedAt - answer.startedAt
    if (!this.dispatcher.release(batch, ms, () => {})) return
    this.#patience.cost.learn(rows, ms)
    this.stats().batchSize.add(rows)
    if (batch.settled) this.stats().strayAnswers++
    else if (alone !== undefined) {
      const { job } = alone.member
      batch.free()
      this.#settle(job, this.answers.check(job, answer, driver), answer)
      return
    } else this.#share(batch, answer, driver)
    batch.free()
  }

  failed(batch: Batch, error: unknown): void {
    if (!this.dispatcher.release(batch, undefined, () => batch.free())) return
    if (batch.begun) this.stats().batchSize.add(batch.rows)
    const unsettled = batch.parts.filter(({ member }) => !member.job.settled)
    if (isLoss(error)) {
      const again = unsettled.filter(({ member, repeated }) => member.job.repeatable && !repeated)
      for (const part of unsettled) if (!again.includes(part)) this.#fail(part, error)
      for (const part of again) {
        if (!part.member.parts.some(({ repeated }) => repeated)) this.stats().repeated++
        part.repeated = true
      }
      if (again.length > 0) this.#execute(again)
    } else if (batch.parts.length > 1) {
      // One of them may be to blame: the others shall not suffer for it.
      for (const part of unsettled) this.#execute([part])
    } else for (const part of unsettled) this.#fail(part, error)
  }

  lost(batch: Batch, error: unknown): void {
    if (!this.dispatcher.release(batch, undefined, () => {})) return
    for (const part of batch.parts) this.#fail(part, error)
  }

  givenBack(batch: Batch): void {
    if (batch.settled) this.dispatcher.release(batch, undefined, () => batch.free())
    else if (!this.dispatcher.requeue(batch)) this.dispatcher.stray(batch)
  }

  #add(part: Part, key: string): void {
    const { maxSize } = this.batching
    let batch = this.#open.get(key)
    if (batch !== undefined && batch.rows + part.rows > maxSize) {
      this.#close(batch)
      this.#enqueue(batch)
      batch = undefined
    }
    const grown = batch ?? new Batch(this, part.member.job.level, now())
    grown.add(part)
    if (batch === undefined) {
      this.#open.set(key, grown)
      grown.stopWaiting = at(
        () => this.#patience.until(grown),
        now,
        () => this.#enqueue(grown),
      )
    }
    if (grown.rows < maxSize) return
    this.#close(grown)
    this.#enqueue(grown)
  }

  /** Nothing joins it any more. */
  #close(batch: Batch): void {
    batch.closed = true
    for (const [key, open] of this.#open) if (open === batch) this.#open.delete(key)
  }

  #enqueue(batch: Batch): void {
    batch.stopWaiting()
    // In the queue already, it may now be put at hand.
    if (batch.queued) this.dispatcher.next()
    else {
      batch.queued = true
      this.dispatcher.enqueue(batch)
    }
  }

  /** Executes these parts, and no others, together. */
  #execute(parts: readonly Part[]): void {
    const batch = new Batch(this, (parts[0] as Part).member.job.level, now())
    batch.closed = true
    for (const part of parts) batch.add(part)
    this.#enqueue(batch)
  }

  /** False: a driver is busy with it, for others too perhaps. */
  #takeOut(part: Part): boolean {
    const { batch } = part
    if (batch === undefined) return true
    if (batch.begun) {
      const others = batch.parts.some((other) => other !== part && !other.member.job.settled)
      if (others || !this.dispatcher.recall(batch)) return false
      batch.free()
    } else {
      batch.remove(part)
      if (batch.parts.length > 0) return true
      batch.stopWaiting()
      this.#close(batch)
      if (batch.queued) this.dispatcher.recall(batch)
    }
    part.batch = undefined
    return true
  }

  /** Gives every request its rows. */
  #share(batch: Batch, answer: RunAnswer, driver: EngineDriver): void {
    let outputs: Outputs
    try {
      const checked = checkAnswer(answer, driver.outputs, driver.outputShapes, undefined)
      this.stats().bytesCopied += answer.bytesCopied
      assertRows(checked.outputs, batch.rows)
      outputs = checked.outputs
    } catch (error) {
      for (const part of batch.parts) this.#fail(part, error)
      return
    }
    let row = 0
    for (const part of [...batch.parts]) {
      const { member } = part
      try {
        if (!member.job.settled) {
          this.stats().bytesCopied += member.take(part, outputs, row, this.memory)
          if (member.outputs !== undefined) this.#settle(member.job, { outputs: member.outputs }, answer)
        }
      } catch (error) {
        this.#fail(part, error)
      }
      row += part.rows
    }
  }

  /** Fails a request as a whole: its other parts are of no use to anybody. */
  #fail({ member }: Part, cause: unknown): void {
    const { job, parts } = member
    if (job.settled) return
    for (const other of parts) this.#takeOut(other)
    this.#settle(job, { error: HalError.from(cause, detailsOf(job, this.origin)) })
    this.#stop(member)
  }

  #stop({ parts }: Member): void {
    for (const { batch } of parts) if (batch?.begun === true && batch.settled) this.dispatcher.stop(batch)
  }

  #settle(job: Job, ...outcome: Parameters<Settle> extends [Job, ...infer Rest] ? Rest : never): void {
    this.#members.delete(job)
    this.settle(job, ...outcome)
  }
}

/** Whoever gets rows must be certain that they are his. */
function assertRows(outputs: Outputs, rows: number): void {
  for (const [name, { shape }] of Object.entries(outputs)) {
    if (shape[0] === rows) continue
    const message = `output '${name}' has ${shape[0]} rows for a batch of ${rows}: the model does not keep rows apart; open it without batching`
    throw new HalError('HAL_DATA_LOSS', message)
  }
}
