import type { EngineDriver } from '../backend.js'
import { Client, type CoreLoad, type Place, type PlacedDriver } from './client.js'
import { LEVELS } from './job.js'
import type { Task } from './task.js'

/** After this many tasks of higher levels went first, a waiting task of a lower level gets its turn. */
const PATIENCE = 8

/**
 * Hands the tasks of all engines of a HAL to the cores of its devices: the highest priority first, but nobody starves;
 * between engines by weight and the core time they have had; in the order of submission within one engine; on the lane with
 * the least to do. A core works on as many tasks at once as it has slots. A task at hand behind another one moves to a core
 * of its engine that falls idle, of whichever device.
 */
export class Scheduler {
  /** By device and id. */
  readonly #cores = new Map<string, CoreLoad>()
  readonly #clients = new Set<Client>()
  /** Engines with queued tasks. */
  readonly #waiting = new Set<Client>()
  /** Engines with a task at hand behind another one: candidates for moving to an idle core. */
  readonly #crowded = new Set<Client>()
  #dispatching = false
  #again = false

  attach(drivers: readonly PlacedDriver[], weight: number, bufferCount: number): Client {
    const client = new Client(
      drivers.flatMap((placed) => this.#places(placed)),
      weight,
      bufferCount,
    )
    this.#clients.add(client)
    this.#measureCores()
    return client
  }

  /** Its drivers are closed: what they never answered holds the cores no longer. */
  detach(client: Client): void {
    this.#clients.delete(client)
    this.#measureCores()
    for (const place of client.places) for (const task of [...place.tasks]) this.#leave(client, place, task)
    this.#dispatch()
  }

  /** True while tasks are being handed out: what is answered now is answered from within doRun. */
  get dispatching(): boolean {
    return this.#dispatching
  }

  enqueue(client: Client, task: Task): void {
    if (client.queued === 0 && client.inFlight === 0) {
      // Time spent idle earns no claim.
      client.virtualTime = Math.max(client.virtualTime, ...client.cores.map(({ virtualTime }) => virtualTime))
    }
    this.#queue(client, task)
    this.#dispatch()
  }

  /** Takes a task back that has not begun. False: it executes, or the driver cannot tell. */
  recall(client: Client, task: Task): boolean {
    if (this.#unqueue(client, task)) return true
    if (!this.#takeBack(client, task)) return false
    client.virtualTime -= task.price / client.weight
    this.#dispatch()
    return true
  }

  /** The driver has let go of a task. False: it had done so before, or never had it. */
  release(client: Client, task: Task, serviceMs: number | undefined): boolean {
    const { place } = task
    if (place === undefined || !place.tasks.includes(task)) return false
    this.#leave(client, place, task)
    // One that failed has used the core too: it pays the estimate.
    if (serviceMs !== undefined) {
      client.virtualTime += (serviceMs - task.price) / client.weight
      client.serviceMs += (serviceMs - client.serviceMs) / 8
    }
    return true
  }

  /** The driver has not begun a task and hands it back: it is the next of its engine. False: it does not have it. */
  requeue(client: Client, task: Task): boolean {
    const { place } = task
    if (place === undefined || !place.tasks.includes(task)) return false
    this.#leave(client, place, task)
    this.#putFirst(client, task)
    this.#dispatch()
    return true
  }

  /** Queues again what a driver has at hand and has not begun. */
  reclaim(client: Client, driver: EngineDriver): void {
    for (const place of client.places.filter((place) => place.driver === driver)) {
      for (const task of [...place.tasks].reverse()) {
        if (!task.settled && this.#takeBack(client, task)) this.#putFirst(client, task)
      }
    }
    this.#dispatch()
  }

  /** Whoever waited for a task has given up, and the driver is still busy with it: its core is there for others. */
  abandon(task: Task): void {
    if (task.place === undefined) return
    this.#count(task.place)
    this.#dispatch()
  }

  /** The lanes of a driver that `serves` names take tasks from now on, the others do not. */
  serve(client: Client, driver: EngineDriver, serves: (lane: number) => boolean): void {
    for (const place of client.places) if (place.driver === driver) place.serves = serves(place.lane)
    this.#dispatch()
  }

  /** Starts what can start. To be called after {@link release}, when the caller is done with the released task. */
  next(): void {
    this.#dispatch()
  }

  #places({ device, driver }: PlacedDriver): Place[] {
    if (driver.lanes.length === 0) throw new Error('the driver has no lane to run on')
    return driver.lanes.map(({ core: coreId, depth }, lane) => {
      const declared = device.cores.find(({ id }) => id === coreId)
      if (declared === undefined)
        throw new Error(`the driver has a lane on core ${coreId}, which ${device.id} does not list`)
      const key = `${device.id}/${coreId}`
      const { slots } = declared
      const core = this.#cores.get(key) ?? newCore(slots)
      this.#cores.set(key, core)
      return { driver, lane, device: device.id, coreId, core, depth, tasks: [], serves: true, busy: false }
    })
  }

  #measureCores(): void {
    for (const core of this.#cores.values()) {
      const workers = [...this.#clients].map(
        (client) => client.places.filter((place) => place.core === core).length,
      )
      core.slots = Math.max(core.ownSlots, ...workers)
    }
  }

  #count(place: Place): void {
    const busy = place.tasks.some(({ settled }) => !settled)
    if (busy !== place.busy) place.core.busy += busy ? 1 : -1
    place.busy = busy
  }

  #queue(client: Client, task: Task): void {
    client.queued++
    this.#waiting.add(client)
    const queue = client.queues[task.level] as Set<Task>
    if (queue.size === 0) for (const { waiting } of client.cores) add(waiting, task.level, 1)
    queue.add(task)
  }

  #unqueue(client: Client, task: Task): boolean {
    const queue = client.queues[task.level] as Set<Task>
    if (!queue.delete(task)) return false
    client.queued--
    if (client.queued === 0) this.#waiting.delete(client)
    if (queue.size > 0) return true
    for (const { waiting, passedOver } of client.cores) {
      if (add(waiting, task.level, -1) === 0) passedOver[task.level] = 0
    }
    return true
  }

  /** Several that come back together are older than all that wait, and keep their order. */
  #putFirst(client: Client, task: Task): void {
    client.virtualTime -= task.price / client.weight
    task.place = undefined
    this.#queue(client, task)
    const queue = client.queues[task.level] as Set<Task>
    const inOrder = [...queue].sort((a, b) => a.job - b.job)
    queue.clear()
    for (const next of inOrder) queue.add(next)
  }

  #takeBack(client: Client, task: Task): boolean {
    const { place } = task
    if (place === undefined || !place.tasks.includes(task) || !takenBack(place, task)) return false
    this.#leave(client, place, task)
    return true
  }

  #leave(client: Client, place: Place, task: Task): void {
    place.tasks.splice(place.tasks.indexOf(task), 1)
    this.#count(place)
    client.inFlight--
    if (!client.places.some(isCrowded)) this.#crowded.delete(client)
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

  /**
   * The contenders in their order: the first that finds a place starts. Who finds none has the first claim on the cores that it
   * could use: those behind him do not keep them at work any longer.
   */
  #startNext(): boolean {
    const claims = new Map<CoreLoad, Contender>()
    for (const contender of this.#contenders()) {
      const { client, level, rank } = contender
      const task = first(client.queues[level] as Set<Task>)
      const place = client.placeFor(task, (place) => {
        const claim = claims.get(place.core)
        if (claim === undefined) return true
        return claim.rank === rank && client.claimOn(place) < claim.client.virtualTime
      })
      if (place !== undefined) {
        this.#unqueue(client, task)
        this.#charge(client, task, place)
        this.#start(client, task, place)
        return true
      }
      for (const { serves, core } of client.places) {
        if (serves && !claims.has(core)) claims.set(core, contender)
      }
    }
    return false
  }

  /** The engines with something to start, once for each level: those that were passed over too often, then by level, then by claim. */
  #contenders(): Contender[] {
    const contenders: Contender[] = []
    for (const client of this.#waiting) {
      if (client.full) continue
      for (const [level, { size }] of client.queues.entries()) {
        if (size === 0) continue
        const due = client.cores.some(({ passedOver }) => (passedOver[level] as number) >= PATIENCE)
        contenders.push({ client, level, rank: due ? -1 : level })
      }
    }
    if (contenders.length === 1) return contenders
    return contenders.sort((a, b) => a.rank - b.rank || a.client.virtualTime - b.client.virtualTime)
  }

  #charge(client: Client, task: Task, { core }: Place): void {
    core.virtualTime = Math.max(core.virtualTime, client.virtualTime)
    task.price = client.serviceMs
    client.virtualTime += task.price / client.weight
    core.passedOver[task.level] = 0
    for (let lower = task.level + 1; lower < LEVELS.length; lower++) {
      if ((core.waiting[lower] as number) > 0) add(core.passedOver, lower, 1)
    }
  }

  #start(client: Client, task: Task, place: Place): void {
    task.place = place
    place.tasks.push(task)
    this.#count(place)
    client.inFlight++
    if (isCrowded(place)) this.#crowded.add(client)
    try {
      task.begin?.()
      place.driver.doRun(task)
    } catch (error) {
      task.fail(error)
    }
  }

  /** Moves a task at hand behind a busy core to one that is idle. */
  #moveOne(): boolean {
    for (const client of this.#crowded) {
      const idle = client.places.find(
        ({ serves, tasks, core }) => serves && tasks.length === 0 && core.busy < core.slots,
      )
      if (idle === undefined) continue
      for (const place of client.places) {
        const task = isCrowded(place) ? place.tasks.at(-1) : undefined
        if (task === undefined || task.settled || !takenBack(place, task)) continue
        this.#leave(client, place, task)
        this.#start(client, task, idle)
        return true
      }
    }
    return false
  }
}

/** An engine that has tasks of a level queued. */
interface Contender {
  readonly client: Client
  readonly level: number
  /** The level; before all of them, where it was passed over too often. */
  readonly rank: number
}

function newCore(slots: number): CoreLoad {
  const zeros = () => LEVELS.map(() => 0)
  return { ownSlots: slots, slots, busy: 0, waiting: zeros(), passedOver: zeros(), virtualTime: 0 }
}

function add(counts: number[], index: number, difference: number): number {
  const count = (counts[index] as number) + difference
  counts[index] = count
  return count
}

function isCrowded({ tasks }: Place): boolean {
  return tasks.length > 1
}

/** A driver that throws over it has kept the task. */
function takenBack({ driver }: Place, task: Task): boolean {
  try {
    return driver.doRecall?.(task) === true
  } catch {
    return false
  }
}

function first(tasks: Set<Task>): Task {
  return tasks.values().next().value as Task
}
