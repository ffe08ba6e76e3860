import { closeSync } from 'node:fs'
import { HalError } from '@xpu-hal/core/backend'
import { Blocks } from './blocks.js'
import type { Range } from './free-ranges.js'
import { type Pointer, requireLinux } from './native/calls.js'
import {
  createMemory,
  MAX_VIEW,
  mapMemory,
  pageSize,
  punchHole,
  removePages,
  resizeMemory,
  sealSize,
  unmapMemory,
  viewMemory,
} from './native/memory.js'

const MAX_BYTES = 2 ** 36
const MIN_BYTES = 2 ** 24
/** Of the whole arena, for blocks of less than a page. */
const SMALL_SHARE = 1 / 64
/** A line of the cache, and what vector instructions want. */
const ALIGNMENT = 64
/** Memory that was free for so long is given back to the system. */
const IDLE_MS = 5000
/** At once, so that the event loop goes on: 64 MiB take a few milliseconds. */
const RELEASE_BYTES = 2 ** 26
const RELEASE_EVERY_MS = 20

/** Closed ones that have views: what unmaps them must live as long. */
const ending = new Set<Arena>()

/**
 * Memory that an engine shares with its child processes: what a buffer of it holds, they see at the same offset. Lives in
 * the process that spawns them; all its books are on this side, where a child cannot write. One thread uses it.
 *
 * It is sparse, and its size is sealed. Memory that is free and was not needed for some seconds goes back to the system.
 */
export class Arena {
  /** Close-on-exec; to be inherited by children, and never closed by others. */
  readonly fd: number
  /** Size of the whole arena, most of which takes no memory. */
  readonly size: number
  readonly #address: Pointer
  readonly #page = pageSize()
  readonly #small: Blocks
  readonly #large: Blocks
  readonly #offsets = new WeakMap<ArrayBufferLike, number>()
  readonly #registry = new FinalizationRegistry<Range>((range) => this.#free(range))
  #views = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined

  /**
   * Makes an arena of 64 GiB, or of a smaller power of two where the limits of this process (`ulimit -f`, `ulimit -v`) say so.
   * @throws HalError HAL_UNIMPLEMENTED elsewhere than on Linux; HAL_RESOURCE_EXHAUSTED where not even 16 MiB are allowed.
   */
  static create(): Arena {
    requireLinux()
    const fd = createMemory('xpu-hal')
    try {
      const [byteLength, address] = sizeAndMap(fd)
      sealSize(fd)
      return new Arena(fd, byteLength, address)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  private constructor(fd: number, size: number, address: Pointer) {
    this.fd = fd
    this.size = size
    this.#address = address
    const middle = size * SMALL_SHARE
    const release = ({ start, end }: Range) => punchHole(fd, start, end - start)
    // Nothing has offset 0, so that it can stand for nothing.
    this.#small = new Blocks({ start: ALIGNMENT, end: middle }, ALIGNMENT, release)
    this.#large = new Blocks({ start: middle, end: size }, this.#page, release)
  }

  /**
   * Memory, zeroed unless somebody writes to all of it: at a multiple of 64 bytes, and of a page from the size of one. It is free again when the buffer was
   * collected, so hold the buffer for as long as a child may use it.
   * @throws HalError HAL_RESOURCE_EXHAUSTED from 2^32 bytes, or where nothing of this size is free; HAL_FAILED_PRECONDITION
   * after `close`.
   */
  allocate(byteLength: number, zeroed = true): ArrayBuffer {
    if (this.#closed)
      throw new HalError('HAL_FAILED_PRECONDITION', 'the shared memory of this engine is closed')
    if (byteLength > MAX_VIEW) {
      const message = `a buffer of ${byteLength} bytes is more than a worker process can share: ${MAX_VIEW} at most`
      throw new HalError('HAL_RESOURCE_EXHAUSTED', message)
    }
    const [blocks, block] = this.#take(byteLength)
    let buffer: ArrayBuffer
    try {
      buffer = viewMemory(this.#address + BigInt(block.offset), byteLength)
    } catch (error) {
      blocks.free(block.offset, byteLength)
      throw error
    }
    if (zeroed && !block.clean) new Uint8Array(buffer).fill(0)
    this.#offsets.set(buffer, block.offset)
    this.#registry.register(buffer, { start: block.offset, end: block.offset + byteLength })
    this.#views++
    return buffer
  }

  /** Where a buffer that `allocate` gave lies, never 0; `undefined` for every other one, copies of such buffers included. */
  offsetOf(buffer: ArrayBufferLike): number | undefined {
    return this.#offsets.get(buffer)
  }

  /**
   * Takes the memory away from children to come; at the latest when they have ended. Buffers stay readable and writable
   * here: the memory is unmapped when the last of them was collected. May be called again.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    if (this.#views > 0) {
      ending.add(this)
      this.#small.shrinkAll()
      this.#large.shrinkAll()
    } else {
      unmapMemory(this.#address, this.size)
    }
    closeSync(this.fd)
  }

  #take(byteLength: number) {
    const kinds = byteLength < this.#page ? [this.#small, this.#large] : [this.#large]
    for (const blocks of kinds) {
      const block = blocks.allocate(byteLength)
      if (block !== undefined) return [blocks, block] as const
    }
    const message =
      `the shared memory of this engine has no ${byteLength} bytes free in one piece: ` +
      `${this.size} in all, ${this.#views} buffers in use; drop some`
    throw new HalError('HAL_RESOURCE_EXHAUSTED', message)
  }

  #free({ start, end }: Range): void {
    this.#views--
    if (this.#closed) this.#freeClosed(start, end)
    else {
      const blocks = start < this.size * SMALL_SHARE ? this.#small : this.#large
      blocks.free(start, end - start)
      this.#timer ??= setTimeout(() => this.#tidy(), IDLE_MS).unref()
    }
  }

  #freeClosed(start: number, end: number): void {
    if (this.#views === 0) {
      ending.delete(this)
      unmapMemory(this.#address, this.size)
    } else if (end - start >= this.#page) {
      const length = Math.ceil((end - start) / this.#page) * this.#page
      removePages(this.#address + BigInt(start), length)
    }
  }

  /** Gives back what was not needed for a while, piece by piece. */
  #tidy(surplus = [this.#small.surplus(), this.#large.surplus()]): void {
    let left = RELEASE_BYTES
    const rest = [this.#small, this.#large].map((blocks, i) => {
      let wanted = surplus[i] ?? 0
      while (wanted >= this.#page && left > 0) {
        const released = blocks.shrink(Math.min(wanted, left), this.#page)
        if (released === 0) return 0
        wanted -= released
        left -= released
      }
      return wanted
    })
    const more = rest.some((bytes) => bytes >= this.#page)
    const dirty = this.#small.dirty + this.#large.dirty
    if (more) this.#timer = setTimeout(() => this.#tidy(rest), RELEASE_EVERY_MS).unref()
    else if (dirty >= this.#page) this.#timer = setTimeout(() => this.#tidy(), IDLE_MS).unref()
    else this.#timer = undefined
  }
}

/** Gives the memory its size, and maps it: as much as is allowed, and not all of the address space. */
function sizeAndMap(fd: number): [byteLength: number, address: Pointer] {
  for (let byteLength = MAX_BYTES; ; byteLength /= 2) {
    try {
      resizeMemory(fd, byteLength)
      const address = mapMemory(fd, byteLength)
      if (byteLength === MAX_BYTES) return [byteLength, address]
      // Where the address space is limited, others need some too.
      unmapMemory(address, byteLength)
      resizeMemory(fd, byteLength / 2)
      return [byteLength / 2, mapMemory(fd, byteLength / 2)]
    } catch (error) {
      const full = HalError.isInstance(error) && error.code === 'HAL_RESOURCE_EXHAUSTED'
      if (!full || byteLength <= MIN_BYTES) throw error
    }
  }
}
