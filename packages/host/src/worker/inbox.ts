import { HalError, type Tensor } from '@xpu-hal/core/backend'
import type { RunnerCall } from '../runner.js'
import { Word } from './control.js'
import type { Link } from './link.js'
import type { Command, RequestMessage, TensorMessage } from './message.js'
import type { Slots } from './slots.js'

/** What main posts to a worker. */
export class Inbox {
  readonly commands: Command[] = []
  /** By slot. A request that was recalled stays until the next one for its slot. */
  readonly #letters: (RequestMessage | undefined)[] = []
  #read = 0

  constructor(private readonly link: Link) {}

  read(): void {
    const { link } = this
    for (const sent = Atomics.load(link.control, Word.mail); this.#read !== sent; ) {
      const mail = link.receive()
      // It wraps around as the word does.
      this.#read = (this.#read + 1) | 0
      if (mail.kind === 'buffers') link.learn(mail)
      else if (mail.kind === 'request') this.#letters[mail.slot] = mail.request
      else this.commands.push(mail)
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
      if (letter === undefined) throw new HalError('HAL_INTERNAL', 'a request never reached the worker')
      this.#letters[slot] = undefined
      const inputs = letter.inputs.map((input) => this.#tensor(input))
      const outputs = letter.outputs.map((output) => output && this.#tensor(output))
      return { job, lend, inputs, inputNames: letter.inputNames, outputs }
    }
    const tensorAt = (position: number): Tensor | undefined => {
      const tensor = slots.readTensor(slot, position)
      return tensor && this.#tensor(tensor)
    }
    const inputs = inputNames.map((_, i) => tensorAt(i) as Tensor)
    const outputs = Array.from({ length: outputCount }, (_, i) => tensorAt(inputNames.length + i))
    return { job, lend, inputs, inputNames, outputs }
  }

  #tensor(message: TensorMessage): Tensor {
    const { dataType, shape } = message
    if (dataType === 'string') return { dataType, shape, data: [...message.data] }
    return { dataType, shape, data: this.link.dataAt(dataType, message) }
  }
}
