import type { EngineDriver, RunAnswer } from '../backend.js'
import { now } from '../clock.js'
import type { Inputs, Outputs, RunCallback, RunOptions } from '../engine.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import { Admission } from './admission.js'
import { Answers } from './answers.js'
import { Batcher } from './batching/batcher.js'
import { checkBatchable } from './batching/rows.js'
import type { PlacedDriver } from './client.js'
import { Delivery } from './delivery.js'
import { Dispatcher } from './dispatcher.js'
import type { Events } from './events.js'
import { detailsOf, type Execution, measureFault, type Settle } from './execution.js'
import { Job, type Outcome } from './job.js'
import { EngineMemory, RunMemory } from './memory.js'
import { OneByOne } from './one-by-one.js'
import { checkRequest, type Request } from './request.js'
import { Results } from './results.js'
import type { Scheduler } from './scheduler.js'
import type { Settings } from './settings.js'
import { Signature } from './signature.js'
import { Stats } from './stats.js'
import { Guard } from './watch.js'

/** The way of a run through an engine: checked, accepted, scheduled, answered, settled, delivered. */
export class Pipeline {
  readonly admission: Admission
  readonly results = new Results()
  readonly signature: Signature
  callback: RunCallback | null = null
  stats = new Stats()
  /** Set while no run may enter: the engine is closing or closed, or its device is lost. */
  barrier: (() => HalError) | undefined
  readonly memory: EngineMemory
  readonly #dispatcher: Dispatcher
  readonly #answers: Answers
  readonly #execution: Execution
  readonly #delivery: Delivery
  readonly #unsettled = new Set<Job>()

  constructor(
    drivers: readonly PlacedDriver[],
    scheduler: Scheduler,
    private readonly settings: Settings,
    private readonly events: Events,
    private readonly origin: HalErrorDetails & { readonly device: string },
  ) {
    const { maxLoad, maxWaiting, bufferCount, ordered, batching } = settings
    if (batching !== undefined) for (const { driver } of drivers) checkBatchable(driver)
    const stats = () => this.stats
    this.admission = new Admission(maxLoad, maxWaiting)
    this.signature = new Signature((drivers[0] as PlacedDriver).driver)
    this.memory = new EngineMemory(strictest(drivers), bufferCount)
    this.#dispatcher = new Dispatcher(scheduler, drivers, settings, events, stats, origin)
    this.#answers = new Answers(this.signature, stats, origin)
    const settle: Settle = (job, outcome, answer) => this.#settleWithin(job, outcome, answer)
    const parts = [this.#dispatcher, this.memory, this.#answers, stats, origin, settle] as const
    this.#execution = batching === undefined ? new OneByOne(...parts) : new Batcher(batching, ...parts)
    this.#delivery = new Delivery(ordered, origin, events, this.results, stats, () => this.admission.leave())
  }

  /** Accepts a run at once. @throws HalError HAL_RESOURCE_EXHAUSTED when the engine is full. */
  trySubmit(inputs: Inputs, options: RunOptions, accepted: (job: Job) => void): Job {
    const request = this.#check(inputs, options)
    if (this.admission.tryEnter()) return this.#accept(request, accepted)
    this.stats.refused++
    const { load, maxLoad } = this.admission
    const message = `the engine is full: ${load} runs are accepted and maxLoad is ${maxLoad}`
    throw new HalError('HAL_RESOURCE_EXHAUSTED', message, this.origin)
  }

  /** Accepts a run, now if there is room, else when its turn comes. `accepted` is called within the acceptance. */
  async submit(inputs: Inputs, options: RunOptions, accepted: (job: Job) => void): Promise<Job> {
    const request = this.#check(inputs, options)
    if (!this.admission.tryEnter()) return this.#waitInLine(request, accepted)
    return this.#accept(request, accepted)
  }

  /**
   * Accepts a run at once and before the others, for a thread that stands still until it has the answer: not even a full
   * engine holds it up, because what fills it may wait for that thread.
   */
  submitUrgent(inputs: Inputs, options: RunOptions, accepted: (job: Job) => void): void {
    const request = { ...this.#check(inputs, options), level: 0 }
    this.admission.enterAnyway()
    this.#accept(request, (job) => {
      job.urgent = true
      accepted(job)
    })
  }

  /** Executes on the calling thread, past admission and queue. */
  runSync(inputs: Inputs, options: RunOptions): Outputs {
    const request = this.#check(inputs, options)
    const { driver, device } = this.#dispatcher.place
    if (driver.doRunSync === undefined) {
      throw new HalError('HAL_UNIMPLEMENTED', 'this backend has no runSync; use run', this.origin)
    }
    const { callerOutputs, inputNames, submittedAt } = request
    // The calling thread reaches all memory, so nothing is copied.
    const outputs = this.memory.takeOutputs(callerOutputs)
    const memory = new RunMemory(this.memory, request.inputs, [], outputs, callerOutputs)
    const job = new Job(undefined, memory, inputNames, 0, this.callback, options.userArg, submittedAt)
    job.syncDevice = device
    this.stats.accepted++
    try {
      const answer = driver.doRunSync({ inputs: request.inputs, inputNames, outputs })
      const fault = measureFault(answer)
      if (fault !== undefined) throw fault
      this.#settle(job, this.#answers.check(job, answer, driver), answer)
    } catch (error) {
      this.#settle(job, { error: HalError.from(error, detailsOf(job, this.origin)) })
    }
    const outcome = job.outcome as Outcome
    if ('error' in outcome) throw outcome.error
    if (job.callback !== null) this.#delivery.call(job, outcome.outputs)
    return outcome.outputs
  }

  /** @throws HalError HAL_RESOURCE_EXHAUSTED when too many results lie uncollected. */
  assertCollected(): void {
    const full = this.results.full()
    if (full === undefined) return
    this.stats.refused++
    throw HalError.from(full, this.origin)
  }

  /** The lanes of a driver that `serves` names take runs from now on, the others do not. */
  serve(driver: EngineDriver, serves: (lane: number) => boolean): void {
    this.#dispatcher.serve(driver, serves)
  }

  /** The drivers are closed and have let go of everything, answered or not. */
  detach(): void {
    this.#dispatcher.detach()
  }

  /** One of several devices is lost: what it has not begun goes to the others, the rest fails or is repeated there. */
  failOn(driver: EngineDriver, error: HalError): void {
    this.#dispatcher.reclaim(driver)
    for (const job of [...this.#unsettled]) {
      if (!job.repeatable && this.#execution.isBusyWith(driver, job)) this.#cancel(job, error)
    }
  }

  /** Fails every run that has not settled, and those that wait to be accepted. */
  failAll(error: HalError): void {
    this.admission.refuseAll(error)
    const jobs = [...this.#unsettled]
    // Those in the queue first, else the ones taken back from the driver would make room for them to start.
    for (const job of jobs) if (job.place === undefined) this.#cancel(job, error)
    for (const job of jobs) this.#cancel(job, error)
  }

  #check(inputs: Inputs, options: RunOptions): Request {
    if (this.barrier !== undefined) throw this.barrier()
    const request = checkRequest(this.signature, this.memory, inputs, options)
    this.#execution.check?.(request)
    this.stats.bytesCopied += request.bytesCopied
    return request
  }

  #waitInLine(request: Request, accepted: (job: Job) => void): Promise<Job> {
    return new Promise((resolve, reject) => {
      const guard = this.#guard(request.options)
      try {
        const leave = this.admission.wait({
          enter: () => {
            try {
              resolve(this.#accept(request, accepted, guard))
            } catch (error) {
              guard.disarm()
              reject(error)
            }
          },
          refuse: (error) => {
            guard.disarm()
            reject(error)
          },
        })
        guard.fire = (error) => {
          leave()
          reject(HalError.from(error, this.origin))
        }
      } catch (error) {
        guard.disarm()
        this.stats.refused++
        reject(HalError.from(error, this.origin))
      }
    })
  }

  #accept(request: Request, accepted: (job: Job) => void, guard?: Guard): Job {
    const { inputNames, options, submittedAt, level = this.settings.level } = request
    const memory = this.#memoryFor(request)
    const { userArg } = options
    const job = new Job(this.#execution.owner, memory, inputNames, level, this.callback, userArg, submittedAt)
    job.repeatable = options.repeatable ?? this.settings.repeatable
    this.stats.bytesCopied += memory.bytesCopied
    this.stats.accepted++
    this.#unsettled.add(job)
    this.#delivery.expect(job)
    job.guard = guard ?? this.#guard(options)
    job.guard.fire = (error) => this.#cancel(job, HalError.from(error, detailsOf(job, this.origin)))
    accepted(job)
    this.#execution.start(job)
    return job
  }

  #guard({ timeout = this.settings.timeout, signal }: RunOptions): Guard {
    return new Guard({ timeout, ...(signal && { signal }) }, 'the run')
  }

  /** @throws HalError HAL_RESOURCE_EXHAUSTED when there is none; the run has left the engine again then. */
  #memoryFor(request: Request): RunMemory {
    try {
      return this.#execution.memoryFor(request)
    } catch (cause) {
      this.admission.leave()
      const message = `there is no memory for the tensors of the run: ${HalError.from(cause).message}`
      throw new HalError('HAL_RESOURCE_EXHAUSTED', message, { ...this.origin, cause })
    }
  }

  #cancel(job: Job, error: HalError): void {
    if (job.settled) return
    const withdrawn = this.#execution.withdraw(job)
    // First: a driver may answer from within doCancel, and this is why the run ends.
    this.#settleWithin(job, { error })
    if (!withdrawn) this.#execution.stop(job)
  }

  /** Settles a run that was accepted, and brings it to its caller. */
  #settleWithin(job: Job, outcome: Outcome, times?: RunAnswer): void {
    this.#unsettled.delete(job)
    job.guard?.disarm()
    this.#settle(job, outcome, times)
    // Never from within the call that submitted the run: who answers within doRun does so before its caller knows the job.
    if (this.#dispatcher.dispatching) queueMicrotask(() => this.#delivery.settled(job))
    else this.#delivery.settled(job)
  }

  #settle(job: Job, outcome: Outcome, times?: RunAnswer): void {
    job.outcome = outcome
    job.settled = true
    const settledAt = now()
    this.stats.settled(job.submittedAt, settledAt, times, 'error' in outcome ? outcome.error : undefined)
    if (!this.events.has('run')) return
    this.events.emit('run', {
      job: job.job,
      device: job.device ?? this.origin.device,
      core: job.place?.coreId ?? '',
      submittedAt: job.submittedAt,
      settledAt,
      ...(times && { startedAt: times.startedAt, endedAt: times.endedAt }),
      ...('error' in outcome && { error: outcome.error }),
    })
  }
}

/** The driver whose memory the others reach too. */
function strictest(drivers: readonly PlacedDriver[]): EngineDriver {
  const { driver } = drivers.find(({ driver }) => driver.memory !== 'any') ?? (drivers[0] as PlacedDriver)
  return driver
}
