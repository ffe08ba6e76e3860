import type { Batching } from '../../common-options.js'
import type { Batch } from './batch.js'
import { Arrivals, Cost } from './cost.js'

/** Without another request for so many of the usual pauses, the next one is not coming soon. */
const PAUSES = 3

/**
 * How long a batch that is not full waits for more rows while a core may be free. A fixed delay waits always. The adaptive one
 * waits only while it costs those who wait less than it saves: each of them one usual pause between requests, against what it
 * costs to execute the next request for itself.
 */
export class Patience {
  readonly cost = new Cost()
  readonly #arrivals = new Arrivals()

  constructor(private readonly batching: Required<Batching>) {}

  arrived(at: number): void {
    this.#arrivals.note(at)
  }

  /** Milliseconds of the monotonic clock. What is over is over. */
  until({ since, parts }: Batch): number {
    const { adaptive, maxDelay } = this.batching
    const last = since + maxDelay
    if (!adaptive) return last
    const gap = this.#arrivals.gapMs
    if (parts.length * gap >= this.cost.overheadMs) return Number.NEGATIVE_INFINITY
    return Math.min(last, this.#arrivals.last + PAUSES * gap)
  }
}

/** Calls `act` at a time of the monotonic clock, to a fraction of a millisecond. Gives back what ends that. */
export function at(time: () => number, clock: () => number, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  let turn: NodeJS.Immediate | undefined
  let over = false
  const look = () => {
    if (over) return
    const left = time() - clock()
    if (left <= 0) act()
    else if (left < 1) turn = setImmediate(look)
    else timer = setTimeout(look, left)
  }
  // What comes within the same turn of the event loop belongs together.
  queueMicrotask(look)
  return () => {
    over = true
    clearTimeout(timer)
    clearImmediate(turn)
  }
}
