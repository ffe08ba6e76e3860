import type { JobId, Outputs, WaitOptions } from '../engine.js'
import { HalError } from '../errors.js'
import type { Job } from './job.js'
import { throwIfAborted, watch } from './watch.js'

/** How many finished runs may lie uncollected before submission is refused. */
const MAX_UNCOLLECTED = 1024

/** Submitted runs that can be waited for, until each was collected once or delivered to the callback. */
export class Results {
  readonly #jobs = new Map<JobId, Job>()
  #uncollected = 0

  add(job: Job): void {
    this.#jobs.set(job.job, job)
  }

  forget(job: Job): void {
    this.#jobs.delete(job.job)
  }

  /** The job has settled and nobody has asked for it yet. */
  keep(job: Job): void {
    if (!this.#jobs.has(job.job)) return
    job.shelved = true
    this.#uncollected++
  }

  /** The error for one more submission, when there is no room for its result. */
  full(): HalError | undefined {
    if (this.#uncollected < MAX_UNCOLLECTED) return undefined
    return new HalError(
      'HAL_RESOURCE_EXHAUSTED',
      `${this.#uncollected} finished runs were never collected: wait for the jobs, or register a callback`,
    )
  }

  wait(id: JobId, options: WaitOptions): Promise<Outputs> {
    const job = this.#jobs.get(id)
    if (job === undefined) {
      const message = `job ${id} is unknown here: it was collected already, delivered to the callback, or never accepted`
      throw new HalError('HAL_NOT_FOUND', message, { job: id })
    }
    if (job.waiter !== undefined) {
      throw new HalError('HAL_FAILED_PRECONDITION', `somebody waits for job ${id} already`, { job: id })
    }
    if (job.delivering) {
      throw new HalError(
        'HAL_FAILED_PRECONDITION',
        `the callback is at work on job ${id}: wait before it begins`,
        {
          job: id,
        },
      )
    }
    throwIfAborted(options.signal, `waiting for job ${id}`)
    return job.shelved ? this.#collect(job) : this.#settlement(job, options)
  }

  async #collect(job: Job): Promise<Outputs> {
    this.#jobs.delete(job.job)
    this.#uncollected--
    const outcome = job.outcome as NonNullable<Job['outcome']>
    if ('error' in outcome) throw outcome.error
    return outcome.outputs
  }

  #settlement(job: Job, options: WaitOptions): Promise<Outputs> {
    return new Promise((resolve, reject) => {
      const disarm = watch(options, `waiting for job ${job.job}`, (error) => {
        job.waiter = undefined
        reject(error)
      })
      const settle = () => {
        disarm?.()
        this.#jobs.delete(job.job)
      }
      job.waiter = {
        resolve: (outputs) => {
          settle()
          resolve(outputs)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
    })
  }
}
