import type { EngineDriver } from '../backend.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import type { Client, Place, PlacedDriver } from './client.js'
import type { Events } from './events.js'
import type { Scheduler } from './scheduler.js'
import type { Stats } from './stats.js'
import type { Task } from './task.js'

/** An engine's way to the lanes: hands its tasks to the scheduler, and takes them back from the drivers. */
export class Dispatcher {
  readonly #client: Client

  constructor(
    private readonly scheduler: Scheduler,
    drivers: readonly PlacedDriver[],
    share: { readonly weight: number; readonly bufferCount: number },
    private readonly events: Events,
    private readonly stats: () => Stats,
    private readonly origin: HalErrorDetails,
  ) {
    this.#client = scheduler.attach(drivers, share.weight, share.bufferCount)
  }

  /** True while tasks are being handed out: what is answered now is answered from within doRun. */
  get dispatching(): boolean {
    return this.scheduler.dispatching
  }

  enqueue(task: Task): void {
    this.scheduler.enqueue(this.#client, task)
  }

  /** Takes a task back that has not begun. False: it executes, or the driver cannot tell. */
  recall(task: Task): boolean {
    return this.scheduler.recall(this.#client, task)
  }

  /** The driver gives back what it has not begun: it is the next. False: it was answered before. */
  requeue(task: Task): boolean {
    return this.scheduler.requeue(this.#client, task)
  }

  /**
   * The driver has given its answer: the core is free. `done` is called before the core gets its next task.
   * @returns false when it had answered before
   */
  release(task: Task, serviceMs: number | undefined, done: () => void): boolean {
    if (!this.scheduler.release(this.#client, task, serviceMs)) {
      this.stray(task)
      return false
    }
    done()
    this.scheduler.next()
    return true
  }

  stray({ job }: Task): void {
    this.stats().strayAnswers++
    const message = `the device answered job ${job} once more; the answer was thrown away`
    this.events.emit('error', new HalError('HAL_DATA_LOSS', message, { ...this.origin, job }))
  }

  /** Nobody waits for a task any more that a driver is busy with. Best effort: it ends as it likes. */
  stop(task: Task): void {
    if (task.place?.tasks.includes(task) !== true) return
    this.scheduler.abandon(task)
    try {
      task.place.driver.doCancel?.(task)
    } catch (error) {
      this.events.emit('error', HalError.from(error, { ...this.origin, job: task.job }))
    }
  }

  reclaim(driver: EngineDriver): void {
    this.scheduler.reclaim(this.#client, driver)
  }

  serve(driver: EngineDriver, serves: (lane: number) => boolean): void {
    this.scheduler.serve(this.#client, driver, serves)
  }

  /** A lane that serves, if there is one. */
  get place(): Place {
    const { places } = this.#client
    return places.find(({ serves }) => serves) ?? (places[0] as Place)
  }

  next(): void {
    this.scheduler.next()
  }

  detach(): void {
    this.scheduler.detach(this.#client)
  }
}
