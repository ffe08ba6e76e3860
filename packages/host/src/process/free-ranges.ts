/** Of the ranges of a size class that may be too small, so many are tried before a larger class is. */
const TRIES = 16
/** Size classes from one power of two to the next. */
const STEPS = 8

/** Offset and length of a range of memory that nobody uses. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** A set of free ranges that do not touch: neighbours are joined. All numbers are exact up to 2^53. */
export class FreeRanges {
  /** Bytes of all ranges together. */
  byteLength = 0
  readonly #byStart = new Map<number, Range>()
  readonly #byEnd = new Map<number, Range>()
  /** By size class; none is empty. */
  readonly #bins = new Map<number, Set<Range>>()

  /** Joins the range with its neighbours. @returns the range that it is part of now */
  add(range: Range): Range {
    const before = this.#byEnd.get(range.start)
    const after = this.#byStart.get(range.end)
    if (before !== undefined) this.#delete(before)
    if (after !== undefined) this.#delete(after)
    const joined = { start: before?.start ?? range.start, end: after?.end ?? range.end }
    this.#insert(joined)
    return joined
  }

  /** Takes so many bytes from the beginning of a range that fits well; `undefined` where none is large enough. */
  take(byteLength: number): number | undefined {
    const range = this.#find(byteLength)
    if (range === undefined) return undefined
    this.#delete(range)
    const end = range.start + byteLength
    if (end < range.end) this.#insert({ start: end, end: range.end })
    return range.start
  }

  /** Takes a range of the largest size class, or the last `limit` bytes of it; none of less than `least` bytes. */
  takeLargest(limit: number, least: number): Range | undefined {
    const [range] = this.#bins.get(Math.max(...this.#bins.keys())) ?? []
    if (range === undefined || range.end - range.start < least) return undefined
    this.#delete(range)
    const start = Math.max(range.start, range.end - limit)
    if (range.start < start) this.#insert({ start: range.start, end: start })
    return { start, end: range.end }
  }

  #find(byteLength: number): Range | undefined {
    const bin = binOf(byteLength)
    let tries = TRIES
    for (const range of this.#bins.get(bin) ?? []) {
      if (range.end - range.start >= byteLength) return range
      if (--tries === 0) break
    }
    let best = Number.POSITIVE_INFINITY
    for (const other of this.#bins.keys()) if (other > bin && other < best) best = other
    const [found] = this.#bins.get(best) ?? []
    return found ?? this.#findAmong(bin, byteLength)
  }

  /** All of a size class: only where there is nothing larger. */
  #findAmong(bin: number, byteLength: number): Range | undefined {
    for (const range of this.#bins.get(bin) ?? []) if (range.end - range.start >= byteLength) return range
    return undefined
  }

  #insert(range: Range): void {
    this.#byStart.set(range.start, range)
    this.#byEnd.set(range.end, range)
    const bin = binOf(range.end - range.start)
    const ranges = this.#bins.get(bin)
    if (ranges === undefined) this.#bins.set(bin, new Set([range]))
    else ranges.add(range)
    this.byteLength += range.end - range.start
  }

  #delete(range: Range): void {
    this.#byStart.delete(range.start)
    this.#byEnd.delete(range.end)
    const bin = binOf(range.end - range.start)
    const ranges = this.#bins.get(bin)
    ranges?.delete(range)
    if (ranges?.size === 0) this.#bins.delete(bin)
    this.byteLength -= range.end - range.start
  }
}

/** Grows with the size; the sizes of a bin differ by less than an eighth. */
function binOf(byteLength: number): number {
  const power = Math.floor(Math.log2(byteLength))
  return power * STEPS + Math.floor((byteLength / 2 ** power - 1) * STEPS)
}
