/** Nanoseconds of the machine's monotonic clock, the same in every thread. */
export const clock = process.hrtime.bigint

export interface Occupation {
  readonly start: bigint
  readonly end: bigint
}

const GENERATION = 0
const SIGNAL = 1
const HEADER_BYTES = 8

/**
 * The simulated hardware of one device: memory that all threads of all its engines share.
 *
 * A core is not locked but booked: its word says until when it is taken, and whoever comes next books the time after
 * that. So engines get a core in the order in which they came, and a thread that ends in the middle of a run leaves
 * nothing locked behind it.
 */
export class Board {
  readonly memory: SharedArrayBuffer
  private readonly words: Int32Array
  private readonly freeAt: BigInt64Array
  private readonly booked: BigInt64Array

  static withCores(cores: number): Board {
    return new Board(new SharedArrayBuffer(HEADER_BYTES + cores * 16))
  }

  constructor(memory: SharedArrayBuffer) {
    const cores = (memory.byteLength - HEADER_BYTES) / 16
    this.memory = memory
    this.words = new Int32Array(memory, 0, 2)
    this.freeAt = new BigInt64Array(memory, HEADER_BYTES, cores)
    this.booked = new BigInt64Array(memory, HEADER_BYTES + cores * 8, cores)
  }

  /** Even while the device is there, odd while it is lost. A run is lost when it rises, however short the loss. */
  get generation(): number {
    return Atomics.load(this.words, GENERATION)
  }

  /**
   * Work that came at `from`, which is not in the future, takes the core for `duration`: exactly that long, however
   * long the thread really was at it. With 0 it takes the core until now.
   */
  book(core: number, from: bigint, duration: bigint): Occupation {
    for (;;) {
      const free = Atomics.load(this.freeAt, core)
      const start = later(free, from)
      const end = duration > 0n ? start + duration : later(start, clock())
      if (Atomics.compareExchange(this.freeAt, core, free, end) === free) {
        Atomics.add(this.booked, core, end - start)
        return { start, end }
      }
    }
  }

  /** Gives back what is left of a booking, unless somebody has booked the time after it already. */
  release(core: number, { start, end }: Occupation): void {
    const from = later(start, clock())
    if (from < end && Atomics.compareExchange(this.freeAt, core, end, from) === end) {
      Atomics.sub(this.booked, core, end - from)
    }
  }

  /** Nanoseconds that a core has been busy since it was made. */
  busy(core: number, at: bigint): bigint {
    // Whatever is booked beyond now is booked without a gap.
    return Atomics.load(this.booked, core) - later(Atomics.load(this.freeAt, core) - at, 0n)
  }

  lose(): void {
    Atomics.add(this.words, GENERATION, 1)
    const at = clock()
    for (let core = 0; core < this.freeAt.length; core++) {
      const end = Atomics.exchange(this.freeAt, core, at)
      if (end > at) Atomics.sub(this.booked, core, end - at)
    }
    this.ring()
  }

  recover(): void {
    Atomics.add(this.words, GENERATION, 1)
  }

  /** Makes every sleeper look up. */
  ring(): void {
    Atomics.add(this.words, SIGNAL, 1)
    Atomics.notify(this.words, SIGNAL)
  }

  /** Blocks this thread until `time`. `check` is called at the start and at each ring, and ends the sleep by throwing. */
  sleepUntil(time: bigint, check: () => void): void {
    for (;;) {
      const heard = Atomics.load(this.words, SIGNAL)
      check()
      const left = time - clock()
      if (left <= 0n) return
      Atomics.wait(this.words, SIGNAL, heard, Number(left) / 1e6)
    }
  }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
