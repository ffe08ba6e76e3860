import { type Engine, HalError } from '@xpu-hal/core'

type Outcome = 'succeeded' | 'failed' | 'cancelled' | 'timedOut'
const OUTCOMES: readonly Outcome[] = ['succeeded', 'failed', 'cancelled', 'timedOut']

/** What was thrown on purpose. */
export class Planned extends Error {}

/** What the submitters know about the runs of an engine, to be held against what the engine says. */
export class Books {
  /** Runs that came back to their submitter or its callback. */
  readonly told: Record<Outcome, number> = { succeeded: 0, failed: 0, cancelled: 0, timedOut: 0 }
  /** Runs in the events of the engine. */
  readonly seen: Record<Outcome, number> = { succeeded: 0, failed: 0, cancelled: 0, timedOut: 0 }
  wrong = 0
  /** Given up before they were accepted. */
  turnedAway = 0
  refused = 0
  /** Items of a stream that ended before their turn: whether they were accepted, and what became of them, is not told. */
  discarded = 0
  callbacks = 0
  callbackErrors = 0
  unexpected = 0

  /** Runs that have settled. */
  get settled(): number {
    return sum(this.seen)
  }

  watch(engine: Engine): void {
    engine.on('run', ({ error }) => {
      this.seen[error === undefined ? 'succeeded' : outcomeOf(error)]++
    })
  }

  succeeded(right: boolean): void {
    this.told.succeeded++
    if (!right) this.wrong++
  }

  /** The error of a run. It knows its job if it was accepted. @throws what no run should end with */
  failed(error: unknown): void {
    if (!HalError.isInstance(error)) throw error
    if (error.job !== undefined) this.told[outcomeOf(error)]++
    else if (error.code === 'HAL_RESOURCE_EXHAUSTED') this.refused++
    else if (error.code === 'HAL_ABORTED' || error.code === 'HAL_DEADLINE_EXCEEDED') this.turnedAway++
    else throw error
  }

  /** By how many runs the books and the counts of the engine disagree. */
  lost(engine: Engine, hasCallback: boolean): number {
    const stats = engine.stats()
    const settled = OUTCOMES.reduce((total, outcome) => total + stats[outcome], 0)
    const untold = OUTCOMES.map((outcome) => stats[outcome] - this.told[outcome])
    return [
      stats.accepted - settled,
      stats.load,
      // Runs that were given up while they executed may be answered all the same.
      Math.max(stats.strayAnswers - stats.cancelled - stats.timedOut, 0),
      stats.refused - this.refused,
      stats.callbackErrors - this.callbackErrors,
      hasCallback ? stats.succeeded - this.callbacks : this.callbacks,
      ...OUTCOMES.map((outcome) => stats[outcome] - this.seen[outcome]),
      // Told more often than it happened, or not told though nobody had left.
      ...untold.map((count) => Math.min(count, 0)),
      Math.max(untold.reduce((total, count) => total + count, 0) - this.discarded, 0),
    ].reduce((total, difference) => total + Math.abs(difference), 0)
  }
}

function outcomeOf({ code }: HalError): Outcome {
  if (code === 'HAL_ABORTED') return 'cancelled'
  return code === 'HAL_DEADLINE_EXCEEDED' ? 'timedOut' : 'failed'
}

function sum(counts: Readonly<Record<Outcome, number>>): number {
  return OUTCOMES.reduce((total, outcome) => total + counts[outcome], 0)
}
