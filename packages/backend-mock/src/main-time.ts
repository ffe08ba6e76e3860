import { HalError } from '@xpu-hal/core/backend'
import { type Board, clock, type Occupation } from './board.js'
import type { RunTable } from './run-table.js'
import type { RunTime } from './timing.js'

/** A run whose answer is computed, and whose simulated time is not over. */
export interface Stay {
  readonly job: number
  readonly core: number
  readonly time: RunTime
  /** Its time is over. */
  done(): void
  fail(error: HalError): void
}

interface Current {
  readonly stay: Stay
  timer?: NodeJS.Timeout
  booking?: Occupation
}

/**
 * Lets the simulated times of an engine's runs pass on the main thread, where the workers are other processes: those see neither
 * the board nor each other. Timers come up to a millisecond late; the times in the answers are exact all the same.
 */
export class MainTime {
  /** By core: what it works on, and what waits for that. */
  private readonly current = new Map<number, Current>()
  private readonly waiting: Stay[] = []

  constructor(
    private readonly board: Board,
    private readonly table: RunTable,
    private readonly device: string,
  ) {}

  pass(stay: Stay): void {
    this.waiting.push(stay)
    this.next(stay.core)
  }

  /** For `runSync`: blocks the thread as long as the run takes. */
  passNow(core: number, { compute, transfer }: RunTime): void {
    const ready = clock() + transfer
    this.board.sleepUntil(ready, () => {})
    const booking = this.board.book(core, ready, compute)
    this.board.sleepUntil(booking.end, () => {})
    this.table.finish(this.table.rowOf(undefined), booking)
  }

  /** Ends a run that was cancelled, where its time has begun or it waits for that. */
  cancel(job: number): void {
    const { device } = this
    this.endAll(
      ({ stay }) => stay.job === job,
      new HalError('HAL_ABORTED', 'the run was cancelled', { device }),
    )
  }

  /** Ends every run: the device is lost. */
  abort(): void {
    const { device } = this
    this.endAll(() => true, new HalError('HAL_DEVICE_LOST', `${device} was lost during the run`, { device }))
  }

  private next(core: number): void {
    if (this.current.has(core)) return
    const at = this.waiting.findIndex((stay) => stay.core === core)
    const stay = this.waiting[at]
    if (stay === undefined) return
    this.waiting.splice(at, 1)
    const current: Current = { stay }
    this.current.set(core, current)
    if (this.table.isCancelled(this.table.rowOf(stay.job))) this.cancel(stay.job)
    else this.begin(current)
  }

  private begin(current: Current): void {
    const { job, core, time } = current.stay
    const ready = clock() + time.transfer
    this.at(ready, current, () => {
      const booking = this.board.book(core, ready, time.compute)
      current.booking = booking
      this.at(booking.end, current, () => {
        this.table.finish(this.table.rowOf(job), booking)
        this.leave(current, () => current.stay.done())
      })
    })
  }

  private endAll(isMeant: (current: Current) => boolean, error: HalError): void {
    for (const current of [...this.current.values()].filter(isMeant)) {
      if (current.booking !== undefined) this.board.release(current.stay.core, current.booking)
      this.leave(current, () => current.stay.fail(error))
    }
    for (const stay of this.waiting.filter((stay) => isMeant({ stay }))) {
      this.waiting.splice(this.waiting.indexOf(stay), 1)
      stay.fail(error)
    }
  }

  private leave(current: Current, settle: () => void): void {
    clearTimeout(current.timer)
    this.current.delete(current.stay.core)
    settle()
    this.next(current.stay.core)
  }

  private at(time: bigint, current: Current, act: () => void): void {
    const left = Number(time - clock()) / 1e6
    if (left <= 0) act()
    else current.timer = setTimeout(() => this.at(time, current, act), left)
  }
}
