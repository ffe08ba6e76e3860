import type { EngineDriver } from '../backend.js'
import { Client, type Place, type PlacedDriver } from './client.js'
import { CoreLoad } from './core-load.js'
import type { Task } from './task.js'
import { nextTurn } from './turn.js'

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
    client.enqueue(task)
    this.#waiting.add(client)
    this.#dispatch()
  }

  /** Takes a task back that has not begun. False: it executes, or the driver cannot tell. */
  recall(client: Client, task: Task): boolean {
    if (this.#unqueue(client, task)) return true
    if (!this.#takeBack(client, task)) return false
    client.refund(task)
    this.#dispatch()
    return true
  }

  /** The driver has let go of a task. False: it had done so before, or never had it. */
  release(client: Client, task: Task, serviceMs: number | undefined): boolean {
    const { place } = task
    if (place === undefined || !place.tasks.includes(task)) return false
    this.#leave(client, place, task)
    // One that failed has used the core too: it pays the estimate.
    if (serviceMs !== undefined) client.settleUp(task, serviceMs)
    return true
  }

  /** The driver has not begun a task and hands it back: it is the next of its engine. False: it does not have it. */
  requeue(client: Client, task: Task): boolean {
    const { place } = task
    if (place === undefined || !place.tasks.includes(task)) return false
    this.#leave(client, place, task)
    this.#putBack(client, task)
    this.#dispatch()
    return true
  }

  /** Queues again what a driver has at hand and has not begun. */
  reclaim(client: Client, driver: EngineDriver): void {
    for (const place of client.places.filter((place) => place.driver === driver)) {
      for (const task of [...place.tasks].reverse()) {
        if (!task.settled && this.#takeBack(client, task)) this.#putBack(client, task)
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
      const core = this.#cores.get(key) ?? new CoreLoad(slots)
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
    const busy = place.tasks.some(isWanted)
    if (busy !== place.busy) place.core.busy += busy ? 1 : -1
    place.busy = busy
  }

  #unqueue(client: Client, task: Task): boolean {
    if (!client.dequeue(task)) return false
    if (client.queued === 0) this.#waiting.delete(client)
    return true
  }

  #putBack(client: Client, task: Task): void {
    client.putBack(task)
    this.#waiting.add(client)
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
    if (this.#crowded.has(client) && !client.places.some(isCrowded)) this.#crowded.delete(client)
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
    const turn = nextTurn(this.#waiting)
    if (turn === undefined) return false
    const { client, task, place } = turn
    this.#unqueue(client, task)
    place.core.started(task.level, client.virtualTime)
    client.charge(task)
    this.#start(client, task, place)
    return true
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
        // The oldest of those that have not begun.
        const task = place.tasks.slice(1).find((task) => !task.settled && takenBack(place, task))
        if (task === undefined) continue
        this.#leave(client, place, task)
        this.#start(client, task, idle)
        return true
      }
    }
    return false
  }
}

function isWanted({ settled }: Task): boolean {
  return !settled
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
