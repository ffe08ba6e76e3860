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
  const claims = new Map<CoreLoad, Contender>()
  for (const contender of contenders(waiting)) {
    const { client, task, rank } = contender
    const place = client.placeFor(task, (place) => {
      const claim = claims.get(place.core)
      if (claim === undefined) return true
      return claim.rank === rank && client.claimOn(place) < claim.client.virtualTime
    })
    if (place !== undefined) return { client, task, place }
    for (const { serves, core } of client.places) {
      if (serves && !claims.has(core)) claims.set(core, contender)
    }
  }
  return undefined
}

/** Once for each level: those that were passed over too often, then by level, then by what they have had. */
function contenders(waiting: Iterable<Client>): Contender[] {
  const all: Contender[] = []
  for (const client of waiting) {
    if (client.full) continue
    for (let level = 0; level < LEVELS.length; level++) {
      const task = client.next(level)
      if (task === undefined) continue
      const due = client.cores.some((core) => core.isDue(level))
      all.push({ client, task, rank: due ? -1 : level })
    }
  }
  if (all.length < 2) return all
  return all.sort((a, b) => a.rank - b.rank || a.client.virtualTime - b.client.virtualTime)
}
