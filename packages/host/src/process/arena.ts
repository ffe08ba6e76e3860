import { closeSync, ftruncateSync } from 'node:fs'
import { HalError } from '@xpu-hal/core/backend'
import { BlockAllocator } from './block-allocator.js'
import { createMemoryFile, map, punchHole, sealSize, unmap, view } from './native/libc.js'

/** Address space; memory is taken when it is touched. Smaller where the limits of the process want that. */
const SIZES = [2 ** 36, 2 ** 34, 2 ** 32, 2 ** 30]
const MAX_VIEW = 2 ** 32 - 1

// The registry of an arena that nobody holds would be collected, and the mapping would stay.
const mapped = new Set<Arena>()

/** Memory for tensors that worker processes see too. Its books are kept here, where no worker can write. */
export class Arena {
  /** To be inherited by worker processes; open until `close`. */
  readonly fd: number
  readonly size: number
  readonly #base: bigint
  readonly #blocks: BlockAllocator
  readonly #offsets = new WeakMap<ArrayBufferLike, number>()
  readonly #registry = new FinalizationRegistry<number>((offset) => this.#collected(offset))
  #live = 0
  #closed = false

  private constructor(fd: number, size: number) {
    this.fd = fd
    this.size = size
    this.#base = map(fd, size)
    this.#blocks = new BlockAllocator(size, (offset, bytes) => {
      if (!this.#closed) punchHole(fd, offset, bytes)
    })
    mapped.add(this)
  }

  /** @throws HalError HAL_RESOURCE_EXHAUSTED when the system gives no such memory. */
  static create(): Arena {
    const fd = createMemoryFile('xpu-hal')
    try {
      return Arena.#largest(fd)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  static #largest(fd: number): Arena {
    let failure: unknown
    for (const size of SIZES) {
      try {
        ftruncateSync(fd, size)
        const arena = new Arena(fd, size)
        sealSize(fd)
        return arena
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /**
   * So many zeros, which begin at a multiple of 64 bytes; its block is used again when it is collected.
   * @throws HalError HAL_RESOURCE_EXHAUSTED
   */
  allocate(byteLength: number): ArrayBuffer {
    if (this.#closed) throw new HalError('HAL_FAILED_PRECONDITION', 'the engine of this memory is closed')
    if (byteLength > MAX_VIEW) {
      const message = `a tensor of ${byteLength} bytes is too large for a worker process: at most ${MAX_VIEW}`
      throw new HalError('HAL_RESOURCE_EXHAUSTED', message)
    }
    // A block for an empty buffer too: its place has to have an address.
    const { offset, dirty } = this.#blocks.take(Math.max(byteLength, 1))
    const buffer = byteLength === 0 ? new ArrayBuffer(0) : view(this.#base + BigInt(offset), byteLength)
    if (dirty) new Uint8Array(buffer).fill(0)
    this.#offsets.set(buffer, offset)
    this.#registry.register(buffer, offset)
    this.#live++
    return buffer
  }

  /** Where a buffer lies that `allocate` has given, never 0; `undefined` for any other, copies included. */
  offsetOf(buffer: ArrayBufferLike): number | undefined {
    return this.#offsets.get(buffer)
  }

  /** Buffers that are still held stay valid: the memory is given back when the last one is collected. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.fd)
    this.#unmapIfUnused()
  }

  #collected(offset: number): void {
    this.#live--
    this.#blocks.giveBack(offset)
    this.#unmapIfUnused()
  }

  #unmapIfUnused(): void {
    if (!this.#closed || this.#live > 0 || !mapped.delete(this)) return
    unmap(this.#base, this.size)
  }
}
