import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { HalError, type SyncRequest, type Tensor } from '@xpu-hal/core/backend'
import type { RunnerCall } from '../runner.js'
import { weigh, weighTensor } from './ballast.js'
import type { Command, Mail } from './message.js'
import { type Slots, Word } from './slots.js'

/** What main posts to a worker. */
export class Inbox {
  readonly commands: Command[] = []
  readonly #buffers = new Map<number, SharedArrayBuffer>()
  /** By slot. A request that was recalled stays until the next one for its slot. */
  readonly #letters: (SyncRequest | undefined)[] = []
  #read = 0

  constructor(
    private readonly port: MessagePort,
    private readonly control: Int32Array,
  ) {}

  read(): void {
    for (const sent = Atomics.load(this.control, Word.mail); this.#read !== sent; this.#read++) {
      const mail = receiveMessageOnPort(this.port)?.message as Mail
      if (mail.kind === 'buffers') {
        for (const [id, buffer] of mail.added) {
          weigh(buffer)
          this.#buffers.set(id, buffer)
        }
        for (const id of mail.dropped) this.#buffers.delete(id)
      } else if (mail.kind === 'request') {
        this.#letters[mail.slot] = mail.request
      } else {
        this.commands.push(mail)
      }
    }
  }

  /** Forgets requests that were recalled. */
  clear(): void {
    this.#letters.length = 0
  }

  /** The request in a slot that this worker has taken. */
  call(slots: Slots, slot: number, inputNames: readonly string[], outputCount: number): RunnerCall {
    // What the request refers to was posted before the slot became ready, perhaps after the last look.
    this.read()
    const job = slots.job(slot)
    const lend = slots.mayLend(slot)
    if (slots.hasLetter(slot)) {
      const letter = this.#letters[slot]
      if (letter === undefined)
        throw new HalError('HAL_INTERNAL', 'a request never reached the worker thread')
      this.#letters[slot] = undefined
      letter.inputs.forEach(weighTensor)
      return { job, lend, ...letter }
    }
    const tensorAt = (position: number) => slots.readTensor(slot, position, (id) => this.#buffer(id))
    const inputs = inputNames.map((_, i) => tensorAt(i) as Tensor)
    const outputs = Array.from({ length: outputCount }, (_, i) => tensorAt(inputNames.length + i))
    return { job, lend, inputs, inputNames, outputs }
  }

  #buffer(id: number): SharedArrayBuffer {
    const buffer = this.#buffers.get(id)
    if (buffer === undefined)
      throw new HalError('HAL_INTERNAL', `buffer ${id} never reached the worker thread`)
    return buffer
  }
}
