import type { Client, Place } from './client.js'
import type { CoreLoad } from './core-load.js'
import { LEVELS } from './job.js'
import type { Task } from './task.js'

/** What is to start next, and where. */
export interface Turn {
  readonly client: Client
  readonly task: Task
  readonly place: Place
}

/** An engine that has tasks of a level queued. */
interface Contender {
  readonly client: Client
  readonly task: Task
  /** The level; before all of them, where it was passed over too often. */
  readonly rank: number
}

/**
 * Of the engines with queued tasks, the first in order that finds a place. Who finds none has the first claim on the cores that
 * it could use: those behind it do not keep them at work any longer.
 */
export function nextTurn(waiting: Iterable<Client>): Turn | undefined {
  const all = contenders(waiting)
  const [only] = all
  // Mostly nobody else wants anything.
  if (only === undefined) return undefined
  if (all.length === 1) return turnOf(only, anywhere)
  const claims = new Map<CoreLoad, Contender>()
  for (const contender of all) {
    const { client, rank } = contender
    const turn = turnOf(contender, (place) => {
      const claim = claims.get(place.core)
      if (claim === undefined) return true
      return claim.rank === rank && client.claimOn(place) < claim.client.virtualTime
    })
    if (turn !== undefined) return turn
    for (const { serves, core } of client.places) {
      if (serves && !claims.has(core)) claims.set(core, contender)
    }
  }
  return undefined
}

const anywhere = () => true

function turnOf({ client, task }: Contender, mayTopUp: (place: Place) => boolean): Turn | undefined {
  const place = client.placeFor(task, mayTopUp)
  return place && { client, task, place }
}

/** Once for each level: those that were passed over too often, then by level, then by what they have had. */
function contenders(waiting: Iterable<Client>): Contender[] {
  const all: Contender[] = []
  for (const client of waiting) {
    if (client.full) continue
    for (let level = 0; level < LEVELS.length; level++) {
      const task = client.next(level)
      if (task === undefined) continue
      all.push({ client, task, rank: isDue(client, level) ? -1 : level })
    }
  }
  if (all.length < 2) return all
  return all.sort((a, b) => a.rank - b.rank || a.client.virtualTime - b.client.virtualTime)
}

function isDue({ cores }: Client, level: number): boolean {
  // The highest goes before the others anyway.
  return level > 0 && cores.some((core) => core.isDue(level))
}
