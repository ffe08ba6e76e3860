import type { EngineDriver } from '../backend.js'
import type { Device } from '../device.js'
import { LEVELS } from './job.js'
import type { Task } from './task.js'

/** A driver of an engine, and the device it is on. An engine on several devices has several. */
export interface PlacedDriver {
  readonly device: Device
  readonly driver: EngineDriver
}

/** A core, whichever engines work on it. */
export interface CoreLoad {
  /** What the device declares. */
  readonly ownSlots: number
  /** How many lanes may be at work; more where an engine has more workers on it: they were asked for. */
  slots: number
  /** Lanes that work for somebody. */
  busy: number
  /** By level: how many engines have tasks queued that could work here, and how many of higher levels went first. */
  readonly waiting: number[]
  readonly passedOver: number[]
  /** The core time, over its weight, of the engine that started last: nobody who comes later may claim more. */
  virtualTime: number
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
  readonly queues = LEVELS.map(() => new Set<Task>())
  readonly cores: readonly CoreLoad[]
  queued = 0
  inFlight = 0
  /** Core time this engine has had, over its weight: who has the least is next. */
  virtualTime = 0
  /** Mean service time in milliseconds, the price of a task until its real one is known. */
  serviceMs = 1

  constructor(
    readonly places: readonly Place[],
    readonly weight: number,
    readonly bufferCount: number,
  ) {
    this.cores = [...new Set(places.map(({ core }) => core))]
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

  /** The claim that it has once all that a runtime has in its hands, beside one, is not counted. */
  claimOn({ depth }: Place): number {
    return this.virtualTime - (Math.max(depth - 2, 0) * this.serviceMs) / this.weight
  }
}
