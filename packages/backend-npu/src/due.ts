import type { Receiving } from './quirks.js'

/** An asking that took longer than this, in milliseconds, waited for something. */
const AT_ONCE = 1
/** A failed asking that took longer than this slept: no answer is worth it. */
const SLEPT = 10
/** Between two askings of a runtime that does not wait itself. */
const MIN_PAUSE = 0.05
const MAX_PAUSE = 20
/** A runtime that waits is asked at this part of the time that its answers take, where more can be sent before. */
const AMONG_OTHERS = 0.8
/** Weight of the newest run in the mean. */
const NEWEST = 0.2
/** A window between too early and late enough is small enough when late is at most this much of early. */
const CLOSE_ENOUGH = 1.25
/** How much later a runtime is asked after it was asked too early: by this part, doubled each time that it was so again. */
const LATER = 0.03
/** At least so much later, in milliseconds. */
const MIN_LATER = 0.25
/** Runs after which a sleeping runtime is asked earlier for once, in case it has become faster. */
const RETRY_AFTER = 500

/**
 * Learns when to ask a runtime for an answer. All times are milliseconds since the input was sent. A runtime that sleeps
 * when it is asked too early must hardly ever be; how long its model takes shows only by asking, so the time is narrowed
 * down from both sides.
 */
export class Due {
  private mean: number | undefined
  /** The latest asking that was too early, and the earliest that was not. */
  private early = 0
  private late: number | undefined
  private later = LATER
  /** Whether this run was asked for too early. */
  private tooEarly = false
  private runs = 0

  constructor(private receiving: Receiving) {}

  /** When to ask first. */
  first(): number {
    switch (this.receiving) {
      case 'waits':
      case 'blocks':
        return 0
      case 'polls':
        return (this.mean ?? 0) * 0.9
      case 'sleeps':
        return this.narrowed()
    }
  }

  /** The same, where other inputs may be sent meanwhile: who waits in the runtime cannot send. */
  amongOthers(): number {
    return this.receiving === 'waits' || this.receiving === 'blocks'
      ? (this.mean ?? 0) * AMONG_OTHERS
      : this.first()
  }

  /** Nothing was there at `asked`, and the call took `took`. */
  missed(asked: number, took: number): void {
    if (took > SLEPT) this.receiving = 'sleeps'
    else if (this.receiving === 'waits' || this.receiving === 'blocks') this.receiving = 'polls'
    this.early = asked
    const later = asked + Math.max(asked * this.later, MIN_LATER)
    if (this.late !== undefined && this.late < later) this.late = later
    this.later = Math.min(2 * this.later, 1)
    this.tooEarly = true
  }

  /** The answer was received by the call made at `asked`, which took `took`. */
  received(asked: number, took: number): void {
    this.runs++
    if (!this.tooEarly) this.later = LATER
    this.tooEarly = false
    const answered = asked + took
    this.mean = this.mean === undefined ? answered : this.mean + NEWEST * (answered - this.mean)
    if (took > AT_ONCE) {
      // It woke up for the answer, so it can be asked early.
      this.receiving = 'waits'
      return
    }
    if (this.late === undefined || asked < this.late || this.early >= this.late) this.late = asked
    if (this.runs % RETRY_AFTER === 0) this.early /= 2
  }

  /** How long to wait after an asking that took `took` and found nothing at `elapsed`. */
  pause(elapsed: number, took: number): number {
    return took > SLEPT ? 0 : Math.min(MAX_PAUSE, Math.max(MIN_PAUSE, elapsed * 0.05))
  }

  private narrowed(): number {
    const { early, late } = this
    if (late === undefined) return early
    if (late <= Math.max(early, 0.1) * CLOSE_ENOUGH) return late
    return early > 0 ? Math.sqrt(early * late) : late / 2
  }
}
