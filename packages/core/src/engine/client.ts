import type { EngineDriver } from '../backend.js'
import type { Device } from '../device.js'
import type { CoreLoad } from './core-load.js'
import { LEVELS } from './job.js'
import type { Task } from './task.js'

/** A driver of an engine, and the device it is on. An engine on several devices has several. */
export interface PlacedDriver {
  readonly device: Device
  readonly driver: EngineDriver
}

/** A lane of an engine, and the core it works on. */
export interface Place {
  readonly driver: EngineDriver
  /** Position among the lanes of its driver. */
  readonly lane: number
  readonly device: string
  readonly coreId: string
  readonly core: CoreLoad
  readonly depth: number
  /** What the driver was given and has not answered, oldest first; abandoned ones included. */
  readonly tasks: Task[]
  serves: boolean
  /** It counts among the busy ones of its core. */
  busy: boolean
}

/** An engine as the scheduler sees it. */
export class Client {
  readonly cores: readonly CoreLoad[]
  queued = 0
  inFlight = 0
  /** Core time this engine has had, over its weight: who has the least is next. */
  virtualTime = 0
  /** Mean service time in milliseconds, the price of a task until its real one is known. */
  #serviceMs = 1
  readonly #queues = LEVELS.map(() => new Set<Task>())

  constructor(
    readonly places: readonly Place[],
    private readonly weight: number,
    private readonly bufferCount: number,
  ) {
    this.cores = [...new Set(places.map(({ core }) => core))]
  }

  enqueue(task: Task): void {
    if (this.queued === 0 && this.inFlight === 0) {
      // Time spent idle earns no claim.
      this.virtualTime = Math.max(this.virtualTime, ...this.cores.map(({ virtualTime }) => virtualTime))
    }
    const queue = this.#queues[task.level] as Set<Task>
    if (queue.size === 0) for (const core of this.cores) core.wanted(task.level)
    queue.add(task)
    this.queued++
  }

  /** Several that come back together are older than all that wait, and keep their order. */
  putBack(task: Task): void {
    this.refund(task)
    task.place = undefined
    this.enqueue(task)
    const queue = this.#queues[task.level] as Set<Task>
    const inOrder = [...queue].sort((a, b) => a.job - b.job)
    queue.clear()
    for (const next of inOrder) queue.add(next)
  }

  /** False: it is not queued. */
  dequeue(task: Task): boolean {
    const queue = this.#queues[task.level] as Set<Task>
    if (!queue.delete(task)) return false
    this.queued--
    if (queue.size === 0) for (const core of this.cores) core.unwanted(task.level)
    return true
  }

  /** The next task of a level. */
  next(level: number): Task | undefined {
    return this.#queues[level]?.values().next().value
  }

  /** More is not handed to its drivers at once. */
  get full(): boolean {
    return this.inFlight >= this.bufferCount
  }

  /**
   * Where a task can go: to the lane with the least to do, `undefined` while there is none. A lane that is at work gets another
   * one only where `mayTopUp` says so.
   */
  placeFor(task: Task, mayTopUp: (place: Place) => boolean): Place | undefined {
    let best: Place | undefined
    let least = Number.POSITIVE_INFINITY
    for (const place of this.places) {
      const { core, depth, tasks, serves } = place
      if (!serves) continue
      const idle = tasks.length === 0
      const room = idle
        ? core.busy < core.slots
        : task.mayWaitOnLane && tasks.length < depth && mayTopUp(place)
      const load = core.busy / core.slots + tasks.length
      if (room && load < least) [best, least] = [place, load]
    }
    return best
  }

  /** What it has had, without what a runtime is only given because it takes several at once. */
  claimOn({ depth }: Place): number {
    return this.virtualTime - (Math.max(depth - 2, 0) * this.#serviceMs) / this.weight
  }

  /** A task is about to start: it is charged what one takes. */
  charge(task: Task): void {
    task.price = this.#serviceMs
    this.virtualTime += task.price / this.weight
  }

  /** It has not started after all. */
  refund(task: Task): void {
    this.virtualTime -= task.price / this.weight
  }

  /** What it took in fact. */
  settleUp(task: Task, serviceMs: number): void {
    this.virtualTime += (serviceMs - task.price) / this.weight
    this.#serviceMs += (serviceMs - this.#serviceMs) / 8
  }
}
