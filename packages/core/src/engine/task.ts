import type { DriverRun } from '../backend.js'
import type { Place } from './client.js'

/** A piece of work for a lane, as the scheduler sees it: a run, or several runs joined to a batch. */
export interface Task extends DriverRun {
  /** Where the scheduler has put it; `undefined` while it is queued. */
  place: Place | undefined
  /** Position in `LEVELS`. */
  readonly level: number
  /** Milliseconds of core time that its engine was charged for it in advance. */
  price: number
  /** Nobody waits for it any more. The driver may still be busy with it: then it was abandoned. */
  readonly settled: boolean
  /** It may be handed to a lane that is still at work, to be at hand there. */
  readonly mayWaitOnLane: boolean
  /** Called each time before a driver gets it. */
  begin?(): void
}
