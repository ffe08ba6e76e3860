import { availableParallelism } from 'node:os'
import { now } from '@xpu-hal/core/backend'
import { Word } from './control.js'
import type { Link } from './link.js'

// A core that has gone to sleep takes longer to wake than a short run takes: on a virtual machine of 2 cores a round trip
// of 67 us became one of 10 us. So a worker that was sent work within a millisecond the last time looks out for the next
// for a moment. One that works now and then (30 pictures a second, say) sleeps at once.
const SHORT_PAUSE_MS = 1
const SPIN_MS = 0.2

/** How a worker waits for something to be sent to it. */
export class Rest {
  readonly #maySpin = availableParallelism() > 1
  #lastPauseMs = Number.POSITIVE_INFINITY

  constructor(private readonly link: Link) {}

  /** Returns when the control block's `wake` is no longer `seen`. */
  until(seen: number): void {
    const { control } = this.link
    const start = now()
    const spinUntil = this.#maySpin && this.#lastPauseMs < SHORT_PAUSE_MS ? start + SPIN_MS : start
    while (now() < spinUntil) {
      for (let i = 0; i < 100; i++) {
        if (Atomics.load(control, Word.wake) !== seen) {
          this.#lastPauseMs = now() - start
          return
        }
      }
    }
    this.link.sleep(seen)
    this.#lastPauseMs = now() - start
  }
}
