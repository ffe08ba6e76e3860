import { HalError } from '@xpu-hal/core/backend'
import type { BuffersMail } from '../worker/message.js'
import { weigh } from './ballast.js'

/**
 * Names the SharedArrayBuffers that one worker knows, so that each is posted to it once. Holds none of them: a buffer
 * that main has dropped is dropped by the worker too.
 */
export class BufferIds {
  readonly #ids = new WeakMap<SharedArrayBuffer, number>()
  #last = 0
  #over = false
  #added: [number, SharedArrayBuffer][] = []
  #dropped: number[] = []
  readonly #registry: FinalizationRegistry<number>

  /** `onDropped` is called when the first of a group of buffers was dropped; `news` then tells of them all. */
  constructor(onDropped: () => void) {
    this.#registry = new FinalizationRegistry((id) => {
      if (!this.#over && this.#dropped.push(id) === 1) onDropped()
    })
  }

  idOf(buffer: ArrayBufferLike): number {
    const known = this.#ids.get(buffer as SharedArrayBuffer)
    if (known !== undefined) return known
    if (!(buffer instanceof SharedArrayBuffer)) {
      throw new HalError('HAL_INTERNAL', 'a tensor for a worker thread does not lie on a SharedArrayBuffer')
    }
    weigh(buffer)
    const id = ++this.#last
    this.#ids.set(buffer, id)
    this.#registry.register(buffer, id)
    this.#added.push([id, buffer])
    return id
  }

  /** The worker has forgotten them all: nothing is told of them any more. */
  end(): void {
    this.#over = true
  }

  /** What the worker has not been told yet. */
  news(): BuffersMail | undefined {
    if (this.#added.length === 0 && this.#dropped.length === 0) return undefined
    const mail: BuffersMail = { kind: 'buffers', added: this.#added, dropped: this.#dropped }
    this.#added = []
    this.#dropped = []
    return mail
  }
}
