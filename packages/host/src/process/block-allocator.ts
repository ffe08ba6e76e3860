import { HalError } from '@xpu-hal/core/backend'

const ALIGNMENT = 64
const PAGE = 4096
/** Bytes of free blocks that keep their memory, so that runs of equal sizes find it ready. */
const KEPT_BYTES = 2 ** 26

export interface Block {
  readonly offset: number
  /** Whether it may hold what somebody wrote before. */
  readonly dirty: boolean
}

interface FreeBlock {
  readonly offset: number
  readonly size: number
  dirty: boolean
}

/**
 * Cuts a range of addresses into blocks. Sizes are rounded up to one of eight steps between two powers of two, so that a block
 * fits many sizes, and blocks of one size are used again for that size only: with 64 GiB of addresses nothing needs to be merged.
 */
export class BlockAllocator {
  /** The first block does not begin at 0, which stands for nothing. */
  #top = PAGE
  readonly #sizes = new Map<number, number>()
  /** By size, the ones that came back last at the end. */
  readonly #free = new Map<number, FreeBlock[]>()
  /** Free blocks with memory, oldest first. */
  readonly #kept = new Set<FreeBlock>()
  #keptBytes = 0

  /** @param release gives the memory of whole pages back, which are zeros then */
  constructor(
    private readonly end: number,
    private readonly release: (offset: number, bytes: number) => void,
  ) {}

  /** @throws HalError HAL_RESOURCE_EXHAUSTED */
  take(bytes: number): Block {
    const size = roundUp(bytes)
    const free = this.#free.get(size)?.pop()
    if (free !== undefined) {
      if (this.#kept.delete(free)) this.#keptBytes -= size
      this.#sizes.set(free.offset, size)
      return free
    }
    const unit = unitOf(size)
    const offset = Math.ceil(this.#top / unit) * unit
    if (offset + size > this.end) {
      const message = `there is no room for ${bytes} bytes in the ${this.end} bytes that an engine shares with its worker processes`
      throw new HalError('HAL_RESOURCE_EXHAUSTED', message)
    }
    this.#top = offset + size
    this.#sizes.set(offset, size)
    return { offset, dirty: false }
  }

  giveBack(offset: number): void {
    const size = this.#sizes.get(offset)
    if (size === undefined) return
    this.#sizes.delete(offset)
    const block = { offset, size, dirty: true }
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [block])
    else free.push(block)
    this.#kept.add(block)
    this.#keptBytes += size
    for (const oldest of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES) break
      this.#kept.delete(oldest)
      this.#keptBytes -= oldest.size
      if (oldest.size <= PAGE) continue
      this.release(oldest.offset, oldest.size)
      oldest.dirty = false
    }
  }
}

function roundUp(bytes: number): number {
  const step = Math.max(2 ** (Math.floor(Math.log2(bytes)) - 3), unitOf(bytes))
  return Math.ceil(bytes / step) * step
}

/** Larger blocks are whole pages. */
function unitOf(bytes: number): number {
  return bytes > PAGE ? PAGE : ALIGNMENT
}
