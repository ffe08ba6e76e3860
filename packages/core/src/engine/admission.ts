import { HalError } from '../errors.js'

interface Place {
  enter(): void
  refuse(error: HalError): void
}

/**
 * The door of an engine: lets `maxLoad` runs in, the others wait in line, at most `maxWaiting` of them, and enter in the
 * order in which they came.
 */
export class Admission {
  /** The load as a number that other threads can read. */
  readonly gauge = new Int32Array(new SharedArrayBuffer(4))
  readonly #line = new Set<Place>()
  #idle: (() => void)[] = []

  constructor(
    readonly maxLoad: number,
    readonly maxWaiting: number,
  ) {}

  get load(): number {
    return Atomics.load(this.gauge, 0)
  }

  /** Who comes now has to wait. */
  get full(): boolean {
    return this.load >= this.maxLoad || this.#line.size > 0
  }

  /** True: the caller is in, and `load` counts it until it calls {@link leave}. */
  tryEnter(): boolean {
    if (this.full) return false
    this.enterAnyway()
    return true
  }

  /** As {@link tryEnter}, past the line and whatever the load. */
  enterAnyway(): void {
    Atomics.add(this.gauge, 0, 1)
  }

  /**
   * Waits in line. `enter` is called, with `load` counting it already, when its turn comes; or `refuse`.
   * Gives back a function that leaves the line; it returns false when the place was gone by then.
   */
  wait(place: Place): () => boolean {
    if (this.#line.size >= this.maxWaiting) {
      throw new HalError(
        'HAL_RESOURCE_EXHAUSTED',
        `${this.load} runs are accepted (maxLoad ${this.maxLoad}) and ${this.#line.size} more wait (maxWaiting ` +
          `${this.maxWaiting}); slow down or raise one of the two`,
      )
    }
    this.#line.add(place)
    return () => this.#line.delete(place)
  }

  leave(): void {
    Atomics.sub(this.gauge, 0, 1)
    while (this.load < this.maxLoad) {
      const place = this.#line.values().next().value
      if (place === undefined) break
      this.#line.delete(place)
      this.enterAnyway()
      place.enter()
    }
    if (this.load === 0) for (const wake of this.#idle.splice(0)) wake()
  }

  refuseAll(error: HalError): void {
    const line = [...this.#line]
    this.#line.clear()
    for (const place of line) place.refuse(error)
  }

  /** Resolves when nothing is accepted any more. */
  async idle(): Promise<void> {
    if (this.load > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }
}
