import { LEVELS } from './job.js'

/** After this many tasks of higher levels went first, a waiting task of a lower level gets its turn. */
const PATIENCE = 8

/** A core, whichever engines work on it. */
export class CoreLoad {
  /** How many lanes may be at work; more than the device declares where an engine has more workers on it: they were asked for. */
  slots: number
  /** Lanes that work for somebody. */
  busy = 0
  /** The core time, over its weight, of the engine that started last: nobody who comes later may claim more. */
  virtualTime = 0
  /** By level: engines with tasks queued that could work here, and how many tasks of higher levels went before them. */
  readonly #waiting = LEVELS.map(() => 0)
  readonly #passedOver = LEVELS.map(() => 0)

  constructor(readonly ownSlots: number) {
    this.slots = ownSlots
  }

  /** An engine has tasks of this level queued now. */
  wanted(level: number): void {
    this.#waiting[level] = (this.#waiting[level] as number) + 1
  }

  /** An engine has no tasks of this level queued any more. */
  unwanted(level: number): void {
    this.#waiting[level] = (this.#waiting[level] as number) - 1
    if (this.#waiting[level] === 0) this.#passedOver[level] = 0
  }

  /** A task of this level, of an engine that has had so much, starts here. */
  started(level: number, virtualTime: number): void {
    this.virtualTime = Math.max(this.virtualTime, virtualTime)
    this.#passedOver[level] = 0
    for (let lower = level + 1; lower < LEVELS.length; lower++) {
      if ((this.#waiting[lower] as number) > 0)
        this.#passedOver[lower] = (this.#passedOver[lower] as number) + 1
    }
  }

  /** Whoever waits for it at this level was passed over often enough. */
  isDue(level: number): boolean {
    return (this.#passedOver[level] as number) >= PATIENCE
  }
}
