import { now } from '@xpu-hal/core/backend'

/** What the watchdog does `after` that many milliseconds without progress. */
export interface Bark {
  readonly after: number
  readonly act: () => void
}

/** Watches over work that may never get on. Keeps no process alive. */
export class Watchdog {
  #since = 0
  #next = 0
  #watching = false
  #timer: NodeJS.Timeout | undefined

  /** @param barks in the order of their times */
  constructor(private readonly barks: readonly Bark[]) {}

  /** Work has begun, or has got on. */
  progress(): void {
    // A timer set for a later bark is too late for the first one.
    if (this.#next > 0) this.end()
    this.#since = now()
    this.#next = 0
    this.#watching = true
    this.#arm()
  }

  /** There is nothing to watch. */
  rest(): void {
    this.#watching = false
  }

  end(): void {
    this.#watching = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    const bark = this.barks[this.#next]
    if (bark === undefined || this.#timer !== undefined) return
    const left = this.#since + bark.after - now()
    this.#timer = setTimeout(() => this.#look(), Math.max(left, 0)).unref()
  }

  // One timer serves many runs: it is not set anew for each.
  #look(): void {
    this.#timer = undefined
    const bark = this.barks[this.#next]
    if (!this.#watching || bark === undefined) return
    if (now() - this.#since >= bark.after) {
      this.#next++
      bark.act()
    }
    if (this.#watching) this.#arm()
  }
}
