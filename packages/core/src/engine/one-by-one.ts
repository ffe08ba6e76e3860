import type { EngineDriver, RunAnswer } from '../backend.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import type { Answers } from './answers.js'
import type { Dispatcher } from './dispatcher.js'
import { detailsOf, type Execution, isLoss, measureFault, type Settle } from './execution.js'
import type { Job, TaskOwner } from './job.js'
import type { EngineMemory, RunMemory } from './memory.js'
import type { Request } from './request.js'
import type { Stats } from './stats.js'

/** Every run is a task of its own. */
export class OneByOne implements Execution, TaskOwner<Job> {
  readonly owner = this

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly memory: EngineMemory,
    private readonly answers: Answers,
    private readonly stats: () => Stats,
    private readonly origin: HalErrorDetails,
    private readonly settle: Settle,
  ) {}

  memoryFor({ inputs, callerOutputs }: Request): RunMemory {
    return this.memory.take(inputs, callerOutputs)
  }

  start(job: Job): void {
    this.dispatcher.enqueue(job)
  }

  withdraw(job: Job): boolean {
    const recalled = this.dispatcher.recall(job)
    if (recalled) job.memory.released()
    return recalled
  }

  stop(job: Job): void {
    this.dispatcher.stop(job)
  }

  isBusyWith(driver: EngineDriver, job: Job): boolean {
    return job.place?.driver === driver
  }

  answered(job: Job, answer: RunAnswer): void {
    const fault = measureFault(answer)
    if (fault !== undefined) {
      this.failed(job, fault)
      return
    }
    const { driver } = job.place ?? this.dispatcher.place
    if (!this.#release(job, answer.endedAt - answer.startedAt)) return
    if (job.settled) this.stats().strayAnswers++
    else this.settle(job, this.answers.check(job, answer, driver), answer)
  }

  failed(job: Job, error: unknown): void {
    if (job.repeatable && !job.settled && isLoss(error)) {
      job.repeatable = false
      if (this.dispatcher.requeue(job)) {
        this.stats().repeated++
        return
      }
    }
    if (this.#release(job, undefined)) this.#fail(job, error)
  }

  lost(job: Job, error: unknown): void {
    if (this.dispatcher.release(job, undefined, () => {})) this.#fail(job, error)
  }

  givenBack(job: Job): void {
    if (job.settled) this.#release(job, undefined)
    else if (!this.dispatcher.requeue(job)) this.dispatcher.stray(job)
  }

  #release(job: Job, serviceMs: number | undefined): boolean {
    return this.dispatcher.release(job, serviceMs, () => job.memory.released())
  }

  #fail(job: Job, error: unknown): void {
    if (!job.settled) this.settle(job, { error: HalError.from(error, detailsOf(job, this.origin)) })
  }
}
