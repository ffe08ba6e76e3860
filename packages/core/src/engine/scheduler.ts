import type { EngineDriver } from '../backend.js'
import type { Core } from '../device.js'
import { type Job, LEVELS } from './job.js'

/** After this many runs of higher levels went first, a waiting run of a lower level gets its turn. */
const PATIENCE = 8

interface CoreLoad {
  /** What the device declares. */
  readonly ownSlots: number
  /** More where an engine has more workers on it: they were asked for. */
  slots: number
  /** Runs at once, those at hand included. */
  limit: number
  inFlight: number
}

interface LaneLoad {
  readonly core: CoreLoad
  readonly coreId: string
  readonly depth: number
  /** What the driver was given and has not answered, oldest first; abandoned runs included. */
  readonly jobs: Job[]
  serves: boolean
}

/** An engine as its device's scheduler sees it. */
export class Client {
  readonly queues = LEVELS.map(() => new Set<Job>())
  readonly lanes: LaneLoad[] = []
  queued = 0
  inFlight = 0
  /** Core time this engine has had, over its weight: who has the least is next. */
  virtualTime = 0
  /** Mean service time in milliseconds, the price of a run until its real one is known. */
  serviceMs = 1

  constructor(
    readonly driver: EngineDriver,
    readonly weight: number,
    readonly bufferCount: number,
  ) {}
}

/**
 * Hands the runs of all engines of one device to its cores: the highest priority first, but nobody starves; between
 * engines by weight and the core time they have had; in the order of submission within one engine; on the core with the
 * least to do. A run at hand behind another one moves to a core of its engine that falls idle.
 */
export class Scheduler {
  readonly #cores = new Map<string, CoreLoad>()
  readonly #clients = new Set<Client>()
  /** Engines with queued runs. */
  readonly #waiting = new Set<Client>()
  /** Engines with a run at hand behind another one: candidates for moving to an idle core. */
  readonly #crowded = new Set<Client>()
  readonly #passedOver = LEVELS.map(() => 0)
  #virtualTime = 0
  #dispatching = false
  #again = false

  constructor(cores: readonly Core[]) {
    for (const { id, slots } of cores)
      this.#cores.set(id, { ownSlots: slots, slots, limit: slots, inFlight: 0 })
  }

  attach(driver: EngineDriver, weight: number, bufferCount: number): Client {
    const client = new Client(driver, weight, bufferCount)
    if (driver.lanes.length === 0) throw new Error('the driver has no lane to run on')
    for (const { core: coreId, depth } of driver.lanes) {
      const core = this.#cores.get(coreId)
      if (core === undefined)
        throw new Error(`the driver has a lane on core ${coreId}, which its device does not list`)
      client.lanes.push({ core, coreId, depth, jobs: [], serves: true })
    }
    this.#clients.add(client)
    this.#measureCores()
    return client
  }

  /** The driver is closed: what it never answered holds its core no longer. */
  detach(client: Client): void {
    this.#clients.delete(client)
    this.#measureCores()
    for (const lane of client.lanes) for (const job of [...lane.jobs]) this.#leaveLane(client, lane, job)
    this.#dispatch()
  }

  /** True while runs are being handed out: what is answered now is answered from within doRun. */
  get dispatching(): boolean {
    return this.#dispatching
  }

  enqueue(client: Client, job: Job): void {
    if (client.queued === 0 && client.inFlight === 0) {
      // Time spent idle earns no claim.
      client.virtualTime = Math.max(client.virtualTime, this.#virtualTime)
    }
    client.queues[job.level]?.add(job)
    client.queued++
    this.#waiting.add(client)
    this.#dispatch()
  }

  /** Takes a job back that has not begun. False: it executes, or the driver cannot tell. */
  recall(client: Client, job: Job): boolean {
    if (this.#unqueue(client, job)) return true
    const lane = client.lanes[job.lane]
    if (lane === undefined || !lane.jobs.includes(job) || !takenBack(client, job)) return false
    this.#leaveLane(client, lane, job)
    client.virtualTime -= job.price / client.weight
    this.#dispatch()
    return true
  }

  /** The driver has let go of a job. False: it had done so before, or never had it. */
  release(client: Client, job: Job, serviceMs: number | undefined): boolean {
    const lane = client.lanes[job.lane]
    if (lane === undefined || !lane.jobs.includes(job)) return false
    this.#leaveLane(client, lane, job)
    // A run that failed has used the core too: it pays the estimate.
    if (serviceMs !== undefined) {
      client.virtualTime += (serviceMs - job.price) / client.weight
      client.serviceMs += (serviceMs - client.serviceMs) / 8
    }
    return true
  }

  /** The driver has not begun a job and hands it back: it is the next of its engine. False: it does not have it. */
  requeue(client: Client, job: Job): boolean {
    const lane = client.lanes[job.lane]
    if (lane === undefined || !lane.jobs.includes(job)) return false
    this.#leaveLane(client, lane, job)
    client.virtualTime -= job.price / client.weight
    job.lane = -1
    const queue = client.queues[job.level] as Set<Job>
    // Several that come back together are older than all that wait, and keep their order.
    const inOrder = [...queue, job].sort((a, b) => a.job - b.job)
    queue.clear()
    for (const next of inOrder) queue.add(next)
    client.queued++
    this.#waiting.add(client)
    this.#dispatch()
    return true
  }

  laneChanged(client: Client, index: number, serves: boolean): void {
    const lane = client.lanes[index]
    if (lane !== undefined) lane.serves = serves
    this.#dispatch()
  }

  /** Starts what can start. To be called after {@link release}, when the caller is done with the released job. */
  next(): void {
    this.#dispatch()
  }

  #measureCores(): void {
    for (const core of this.#cores.values()) {
      const lanes = [...this.#clients].map((client) => client.lanes.filter((lane) => lane.core === core))
      core.slots = Math.max(core.ownSlots, ...lanes.map(({ length }) => length))
      core.limit = core.slots * Math.max(1, ...lanes.flat().map(({ depth }) => depth))
    }
  }

  #unqueue(client: Client, job: Job): boolean {
    if (client.queues[job.level]?.delete(job) !== true) return false
    client.queued--
    if (client.queued === 0) this.#waiting.delete(client)
    return true
  }

  #leaveLane(client: Client, lane: LaneLoad, job: Job): void {
    lane.jobs.splice(lane.jobs.indexOf(job), 1)
    lane.core.inFlight--
    client.inFlight--
    if (!client.lanes.some(isCrowded)) this.#crowded.delete(client)
  }

  // A driver may answer from within doRun (inline isolation does): the loop below then goes on instead of nesting.
  #dispatch(): void {
    if (this.#dispatching) {
      this.#again = true
      return
    }
    this.#dispatching = true
    try {
      do {
        this.#again = false
        while (this.#startNext() || this.#moveOne());
      } while (this.#again)
    } finally {
      this.#dispatching = false
    }
  }

  #startNext(): boolean {
    if (this.#waiting.size === 0) return false
    const able: (Client | undefined)[] = LEVELS.map((_, level) => this.#neediest(level))
    let level = able.findIndex((client) => client !== undefined)
    if (level < 0) return false
    for (let lower = level + 1; lower < LEVELS.length; lower++) {
      if (able[lower] === undefined) continue
      const passed = (this.#passedOver[lower] ?? 0) + 1
      this.#passedOver[lower] = passed
      if (passed > PATIENCE) level = lower
    }
    this.#passedOver[level] = 0
    const client = able[level] as Client
    const job = first(client.queues[level] as Set<Job>)
    this.#unqueue(client, job)
    this.#virtualTime = client.virtualTime
    job.price = client.serviceMs
    client.virtualTime += job.price / client.weight
    this.#start(client, job, this.#freeLane(client) as number)
    return true
  }

  #start(client: Client, job: Job, index: number): void {
    const lane = client.lanes[index] as LaneLoad
    job.lane = index
    job.core = lane.coreId
    lane.jobs.push(job)
    lane.core.inFlight++
    client.inFlight++
    if (isCrowded(lane)) this.#crowded.add(client)
    try {
      client.driver.doRun(job)
    } catch (error) {
      job.fail(error)
    }
  }

  /** Moves a run at hand behind a busy core to one that is idle. */
  #moveOne(): boolean {
    for (const client of this.#crowded) {
      if (client.driver.doRecall === undefined) continue
      const idle = client.lanes.findIndex(
        (lane) => lane.serves && lane.jobs.length === 0 && lane.core.inFlight < lane.core.slots,
      )
      if (idle < 0) continue
      for (const lane of client.lanes) {
        const job = isCrowded(lane) ? lane.jobs.at(-1) : undefined
        if (job === undefined || job.settled || !takenBack(client, job)) continue
        this.#leaveLane(client, lane, job)
        this.#start(client, job, idle)
        return true
      }
    }
    return false
  }

  #neediest(level: number): Client | undefined {
    let neediest: Client | undefined
    for (const client of this.#waiting) {
      if (client.queues[level]?.size === 0 || this.#freeLane(client) === undefined) continue
      if (neediest === undefined || client.virtualTime < neediest.virtualTime) neediest = client
    }
    return neediest
  }

  #freeLane(client: Client): number | undefined {
    if (client.inFlight >= client.bufferCount) return undefined
    let best: number | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < client.lanes.length; i++) {
      const { core, depth, jobs, serves } = client.lanes[i] as LaneLoad
      if (!serves || jobs.length >= depth || core.inFlight >= core.limit) continue
      const load = core.inFlight / core.slots + jobs.length
      if (load < least) [best, least] = [i, load]
    }
    return best
  }
}

function isCrowded(lane: LaneLoad): boolean {
  return lane.jobs.length > 1
}

/** A driver that throws over it has kept the run. */
function takenBack({ driver }: Client, job: Job): boolean {
  try {
    return driver.doRecall?.(job) === true
  } catch {
    return false
  }
}

function first(jobs: Set<Job>): Job {
  return jobs.values().next().value as Job
}
