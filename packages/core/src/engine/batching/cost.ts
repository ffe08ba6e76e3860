/** How much of what was learned before stays with each execution. */
const MEMORY = 0.98

/** What an execution costs: so many milliseconds, and so many more for each row. Learned from those that were. */
export class Cost {
  #weight = 0
  #rows = 0
  #ms = 0
  #rowsRows = 0
  #rowsMs = 0

  learn(rows: number, ms: number): void {
    this.#weight = this.#weight * MEMORY + 1
    this.#rows = this.#rows * MEMORY + rows
    this.#ms = this.#ms * MEMORY + ms
    this.#rowsRows = this.#rowsRows * MEMORY + rows * rows
    this.#rowsMs = this.#rowsMs * MEMORY + rows * ms
  }

  /** Milliseconds that are saved when two executions become one; 0 as long as only one size was seen. */
  get overheadMs(): number {
    const spread = this.#weight * this.#rowsRows - this.#rows * this.#rows
    if (spread <= 1e-9 * this.#weight * this.#rowsRows) return 0
    const perRow = (this.#weight * this.#rowsMs - this.#rows * this.#ms) / spread
    return Math.max((this.#ms - perRow * this.#rows) / this.#weight, 0)
  }
}

/** How many pauses are remembered: enough for a median, few enough to follow a change. */
const PAUSES = 9

/** How fast requests come. */
export class Arrivals {
  readonly #pauses: number[] = []
  #last = Number.NEGATIVE_INFINITY

  note(at: number): void {
    if (this.#last > 0) this.#pauses.push(at - this.#last)
    if (this.#pauses.length > PAUSES) this.#pauses.shift()
    this.#last = at
  }

  get last(): number {
    return this.#last
  }

  /** Median milliseconds from one to the next; infinite until one has followed another. */
  get gapMs(): number {
    const sorted = [...this.#pauses].sort((a, b) => a - b)
    return sorted[sorted.length >> 1] ?? Number.POSITIVE_INFINITY
  }
}
