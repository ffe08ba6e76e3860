import { FreeRanges, type Range } from './free-ranges.js'

/** Takes a range back to the system, so that it reads as zero. */
export type Release = (range: Range) => void

/** What an allocation gave: `clean` memory reads as zero already. */
export interface Block {
  readonly offset: number
  readonly clean: boolean
}

/** Divides one range of memory into blocks. Those that were used are used again first: their pages are there. */
export class Blocks {
  readonly #clean = new FreeRanges()
  readonly #dirty = new FreeRanges()
  /** The smallest `dirty` was since `surplus` was last asked for. */
  #least = 0

  /** @param granule what offsets and sizes are multiples of; `start` and `end` too */
  constructor(
    { start, end }: Range,
    private readonly granule: number,
    private readonly release: Release,
  ) {
    if (start < end) this.#clean.add({ start, end })
  }

  /** Bytes that are free and take memory of the system. */
  get dirty(): number {
    return this.#dirty.byteLength
  }

  /** Bytes of the block that a request takes. */
  sizeOf(byteLength: number): number {
    return Math.max(1, Math.ceil(byteLength / this.granule)) * this.granule
  }

  allocate(byteLength: number): Block | undefined {
    const size = this.sizeOf(byteLength)
    const used = this.#dirty.take(size)
    this.#least = Math.min(this.#least, this.#dirty.byteLength)
    if (used !== undefined) return { offset: used, clean: false }
    const offset = this.#clean.take(size) ?? this.#joined(size)
    return offset === undefined ? undefined : { offset, clean: true }
  }

  free(offset: number, byteLength: number): void {
    this.#dirty.add({ start: offset, end: offset + this.sizeOf(byteLength) })
  }

  /** Free bytes that take memory and were not needed since the last call. */
  surplus(): number {
    const surplus = this.#least
    this.#least = this.#dirty.byteLength
    return surplus
  }

  /**
   * Gives one free range back to the system, of at most `limit` bytes; none that is smaller than `least`.
   * @returns its bytes; 0 where there is none
   */
  shrink(limit: number, least: number): number {
    const whole = Math.ceil(limit / this.granule) * this.granule
    const range = this.#dirty.takeLargest(whole, least)
    if (range === undefined) return 0
    this.#least = Math.min(this.#least, this.#dirty.byteLength)
    const { start, end } = this.#clean.add(range)
    // Whole pages also where their rest was clean before: it reads as zero as it is.
    this.release({
      start: Math.max(start, Math.floor(range.start / PAGE) * PAGE),
      end: Math.min(end, Math.ceil(range.end / PAGE) * PAGE),
    })
    return range.end - range.start
  }

  shrinkAll(): void {
    while (this.shrink(Number.MAX_SAFE_INTEGER, 0) > 0);
  }

  /** Where used and unused ranges are large enough only together. */
  #joined(size: number): number | undefined {
    if (this.#dirty.byteLength + this.#clean.byteLength < size) return undefined
    this.shrinkAll()
    return this.#clean.take(size)
  }
}

/** The largest page that a Linux of 64 bits has. */
const PAGE = 65_536
