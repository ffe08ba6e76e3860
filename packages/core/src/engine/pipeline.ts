import type { EngineDriver, RunAnswer } from '../backend.js'
import { now } from '../clock.js'
import type { Inputs, Outputs, RunCallback, RunOptions } from '../engine.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import { Admission } from './admission.js'
import { checkAnswer } from './answer.js'
import { Delivery } from './delivery.js'
import type { Events } from './events.js'
import { Job, type JobOwner } from './job.js'
import { EngineMemory, RunMemory } from './memory.js'
import { checkRequest, type Request } from './request.js'
import { Results } from './results.js'
import type { Client, Scheduler } from './scheduler.js'
import type { Settings } from './settings.js'
import { Signature } from './signature.js'
import { Stats } from './stats.js'
import { Guard } from './watch.js'

/** The way of a run through an engine: checked, accepted, scheduled, answered, settled, delivered. */
export class Pipeline implements JobOwner {
  readonly admission: Admission
  readonly results = new Results()
  readonly signature: Signature
  callback: RunCallback | null = null
  stats = new Stats()
  /** Set while no run may enter: the engine is closing or closed, or its device is lost. */
  barrier: (() => HalError) | undefined
  readonly #client: Client
  readonly memory: EngineMemory
  readonly #delivery: Delivery
  readonly #unsettled = new Set<Job>()

  constructor(
    private readonly driver: EngineDriver,
    private readonly scheduler: Scheduler,
    private readonly settings: Settings,
    private readonly events: Events,
    private readonly origin: HalErrorDetails & { readonly device: string },
  ) {
    const { maxLoad, maxWaiting, weight, bufferCount, ordered } = settings
    this.admission = new Admission(maxLoad, maxWaiting)
    this.signature = new Signature(driver)
    this.#client = scheduler.attach(driver, weight, bufferCount)
    this.memory = new EngineMemory(driver, bufferCount)
    this.#delivery = new Delivery(
      ordered,
      origin,
      events,
      this.results,
      () => this.stats,
      () => this.admission.leave(),
    )
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

  /** Executes on the calling thread, past admission and queue. */
  runSync(inputs: Inputs, options: RunOptions): Outputs {
    const request = this.#check(inputs, options)
    if (this.driver.doRunSync === undefined) {
      throw new HalError('HAL_UNIMPLEMENTED', 'this backend has no runSync; use run', this.origin)
    }
    const { callerOutputs, inputNames, submittedAt } = request
    // The calling thread reaches all memory, so nothing is copied.
    const outputs = this.memory.takeOutputs(callerOutputs)
    const memory = new RunMemory(this.memory, request.inputs, [], outputs, callerOutputs)
    const job = new Job(this, memory, inputNames, 0, this.callback, options.userArg, submittedAt)
    this.stats.accepted++
    try {
      const answer = this.driver.doRunSync({ inputs: request.inputs, inputNames, outputs })
      const fault = measureFault(answer)
      if (fault !== undefined) throw fault
      this.#settle(job, this.#outcome(job, answer), answer)
    } catch (error) {
      this.#settle(job, { error: HalError.from(error, { ...this.origin, job: job.job }) })
    }
    const outcome = job.outcome as NonNullable<Job['outcome']>
    if ('error' in outcome) throw outcome.error
    if (job.callback !== null) this.#delivery.call(job, outcome.outputs)
    return outcome.outputs
  }

  answered(job: Job, answer: RunAnswer): void {
    const serviceMs = answer?.endedAt - answer?.startedAt
    const fault = measureFault(answer)
    if (fault !== undefined) {
      this.failed(job, fault)
      return
    }
    if (!this.#release(job, serviceMs)) return
    if (job.settled) this.stats.strayAnswers++
    else this.#settleWithin(job, this.#outcome(job, answer), answer)
  }

  failed(job: Job, error: unknown): void {
    if (job.repeatable && !job.settled && isLoss(error)) {
      job.repeatable = false
      if (this.scheduler.requeue(this.#client, job)) {
        this.stats.repeated++
        return
      }
    }
    if (this.#release(job, undefined)) this.#fail(job, error)
  }

  lost(job: Job, error: unknown): void {
    if (this.#release(job, undefined, 'in use')) this.#fail(job, error)
  }

  givenBack(job: Job): void {
    if (job.settled) this.#release(job, undefined)
    else if (!this.scheduler.requeue(this.#client, job)) this.#stray(job)
  }

  /** @throws HalError HAL_RESOURCE_EXHAUSTED when too many results lie uncollected. */
  assertCollected(): void {
    const full = this.results.full()
    if (full === undefined) return
    this.stats.refused++
    throw HalError.from(full, this.origin)
  }

  /** A lane of the driver takes runs, or does not for now. */
  laneChanged(lane: number, serves: boolean): void {
    this.scheduler.laneChanged(this.#client, lane, serves)
  }

  /** The driver is closed and has let go of everything, answered or not. */
  detach(): void {
    this.scheduler.detach(this.#client)
  }

  /** Fails every run that has not settled, and those that wait to be accepted. */
  failAll(error: HalError): void {
    this.admission.refuseAll(error)
    const jobs = [...this.#unsettled]
    // Those in the queue first, else the ones taken back from the driver would make room for them to start.
    for (const job of jobs) if (job.lane < 0) this.#cancel(job, error)
    for (const job of jobs) this.#cancel(job, error)
  }

  #check(inputs: Inputs, options: RunOptions): Request {
    if (this.barrier !== undefined) throw this.barrier()
    const request = checkRequest(this.signature, this.memory, inputs, options)
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
    const job = new Job(this, memory, inputNames, level, this.callback, options.userArg, submittedAt)
    job.repeatable = options.repeatable ?? this.settings.repeatable
    this.stats.bytesCopied += memory.bytesCopied
    this.stats.accepted++
    this.#unsettled.add(job)
    this.#delivery.expect(job)
    job.guard = guard ?? this.#guard(options)
    job.guard.fire = (error) => this.#cancel(job, HalError.from(error, { ...this.origin, job: job.job }))
    accepted(job)
    this.scheduler.enqueue(this.#client, job)
    return job
  }

  #guard({ timeout = this.settings.timeout, signal }: RunOptions): Guard {
    return new Guard({ timeout, ...(signal && { signal }) }, 'the run')
  }

  /** @throws HalError HAL_RESOURCE_EXHAUSTED when there is none; the run has left the engine again then. */
  #memoryFor({ inputs, callerOutputs }: Request): RunMemory {
    try {
      return this.memory.take(inputs, callerOutputs)
    } catch (cause) {
      this.admission.leave()
      const message = `there is no memory for the tensors of the run: ${HalError.from(cause).message}`
      throw new HalError('HAL_RESOURCE_EXHAUSTED', message, { ...this.origin, cause })
    }
  }

  #outcome(job: Job, answer: RunAnswer): NonNullable<Job['outcome']> {
    const { outputs: infos, outputShapes } = this.driver
    try {
      const { callerOutputs } = job.memory
      const ordered = this.signature.inOrder(answer, callerOutputs)
      const { outputs, bytesCopied } = checkAnswer(ordered, infos, outputShapes, callerOutputs)
      this.signature.learn(job, ordered)
      this.stats.bytesCopied += bytesCopied + answer.bytesCopied
      return { outputs }
    } catch (error) {
      return { error: HalError.from(error, { ...this.origin, job: job.job }) }
    }
  }

  #cancel(job: Job, error: HalError): void {
    if (job.settled) return
    const recalled = this.scheduler.recall(this.#client, job)
    if (recalled) job.memory.released()
    // First: a driver may answer from within doCancel, and this is why the run ends.
    this.#settleWithin(job, { error })
    if (!recalled) this.#stop(job)
  }

  /** Best effort: the run settles whatever the driver makes of it. */
  #stop(job: Job): void {
    try {
      this.driver.doCancel?.(job)
    } catch (error) {
      this.events.emit('error', HalError.from(error, { ...this.origin, job: job.job }))
    }
  }

  /** Settles a run that was accepted, and brings it to its caller. */
  #settleWithin(job: Job, outcome: NonNullable<Job['outcome']>, times?: RunAnswer): void {
    this.#unsettled.delete(job)
    job.guard?.disarm()
    this.#settle(job, outcome, times)
    // Never from within the call that submitted the run: who answers within doRun does so before its caller knows the job.
    if (this.scheduler.dispatching) queueMicrotask(() => this.#delivery.settled(job))
    else this.#delivery.settled(job)
  }

  #settle(job: Job, outcome: NonNullable<Job['outcome']>, times?: RunAnswer): void {
    job.outcome = outcome
    job.settled = true
    const settledAt = now()
    this.stats.settled(job.submittedAt, settledAt, times, 'error' in outcome ? outcome.error : undefined)
    if (!this.events.has('run')) return
    this.events.emit('run', {
      job: job.job,
      device: this.origin.device,
      core: job.core,
      submittedAt: job.submittedAt,
      settledAt,
      ...(times && { startedAt: times.startedAt, endedAt: times.endedAt }),
      ...('error' in outcome && { error: outcome.error }),
    })
  }

  /** The driver has given its answer: the core is free. False: it had answered before. */
  #release(job: Job, serviceMs: number | undefined, memory: 'free' | 'in use' = 'free'): boolean {
    if (!this.scheduler.release(this.#client, job, serviceMs)) {
      this.#stray(job)
      return false
    }
    if (memory === 'free') job.memory.released()
    this.scheduler.next()
    return true
  }

  #stray({ job }: Job): void {
    this.stats.strayAnswers++
    const message = `the device answered job ${job} once more; the answer was thrown away`
    this.events.emit('error', new HalError('HAL_DATA_LOSS', message, { ...this.origin, job }))
  }

  #fail(job: Job, error: unknown): void {
    if (job.settled) return
    this.#settleWithin(job, { error: HalError.from(error, { ...this.origin, job: job.job }) })
  }
}

/** One NaN would stay in the statistics and in the shares of the engines for good. */
function measureFault(answer: RunAnswer): HalError | undefined {
  const serviceMs = answer?.endedAt - answer?.startedAt
  if (!Number.isFinite(serviceMs) || serviceMs < 0) {
    return new HalError('HAL_DATA_LOSS', 'the device gave an answer without times of execution')
  }
  if (Number.isSafeInteger(answer.bytesCopied) && answer.bytesCopied >= 0) return undefined
  const message = `the device gave an answer that copied ${answer.bytesCopied} bytes`
  return new HalError('HAL_DATA_LOSS', message)
}

function isLoss(error: unknown): boolean {
  return HalError.isInstance(error) && error.code === 'HAL_DEVICE_LOST'
}
