import { HalError, now, type Tensor } from '@xpu-hal/core/backend'
import { Due } from '../due.js'
import type { Quirks } from '../quirks.js'
import { sleep } from '../sleep.js'
import type { Inference, UseOutput } from './inference.js'
import { NativeInput } from './input.js'
import type { AsynchronousCalls } from './library.js'
import { NativeOutput } from './output.js'
import type { Runtime } from './runtime.js'
import { words } from './tensors-struct.js'

export interface AsynchronousSettings extends Quirks {
  /** Milliseconds. */
  readonly answerTimeout: number
}

/** `send_input` and `receive_output`, one inference at a time: no answer says what it answers. */
export class Asynchronous implements Inference {
  lost = false
  private readonly due: Due
  private readonly place = words(1)

  constructor(
    private readonly runtime: Runtime,
    private readonly calls: AsynchronousCalls,
    private readonly settings: AsynchronousSettings,
  ) {
    this.due = new Due(settings.receiving)
  }

  infer<T>(names: readonly string[], inputs: readonly Tensor[], use: UseOutput<T>): T {
    const shared = this.runtime.releasesInputs
    const input = new NativeInput(names, inputs, !shared)
    this.send(input)
    const sentAt = now()
    // Until the answer is there and the runtime is done with the inputs.
    this.lost = true
    if (shared) lent.add(inputs)
    try {
      const output = new NativeOutput(this.receive(sentAt), true)
      try {
        return use(output, input.bytesCopied)
      } finally {
        output.release()
      }
    } finally {
      if (shared) this.takeBack(input, inputs, sentAt)
    }
  }

  private send(input: NativeInput): void {
    const status = this.calls.send(input.pointer)
    if (status === 0) return
    if (!this.settings.freesRefused) input.release()
    throw this.runtime.failure('send_input', status)
  }

  /** Where the runtime keeps an input for too long, it keeps it for ever. */
  private takeBack(input: NativeInput, inputs: readonly Tensor[], sentAt: number): void {
    if (this.lost) return
    this.lost = true
    while (!input.released()) {
      if (now() - sentAt >= this.settings.answerTimeout) return
      sleep(0.1)
    }
    this.lost = false
    lent.delete(inputs)
    input.release()
  }

  private receive(sentAt: number): bigint {
    const { due, place } = this
    const { answerTimeout } = this.settings
    sleep(Math.min(due.first(), answerTimeout))
    for (;;) {
      place[0] = 0n
      const asked = now() - sentAt
      const status = this.calls.receive(place)
      const elapsed = now() - sentAt
      const took = elapsed - asked
      if (status === 0) {
        this.lost = false
        due.received(asked, took)
        return place[0]
      }
      if (this.answered()) {
        this.lost = false
        throw this.runtime.failure('receive_output', status)
      }
      due.missed(asked, took)
      if (elapsed >= answerTimeout) throw this.unanswered(status)
      sleep(Math.min(due.pause(elapsed, took), answerTimeout - elapsed))
    }
  }

  /** Whether a `receive_output` that failed was the answer: that the inference failed. */
  private answered(): boolean {
    const { nothingYet } = this.settings
    return nothingYet !== '' && !this.runtime.reason().startsWith(nothingYet)
  }

  private unanswered(status: number): HalError {
    const message =
      `${this.runtime.library.name} gave no answer within ${this.settings.answerTimeout} ms, and is started again for ` +
      `the next run; raise answerTimeout if the model takes longer. The runtime says: ${this.runtime.reason()}`
    return new HalError('HAL_DEVICE_LOST', message, { native: { call: 'receive_output', status } })
  }
}

/** Tensors that runtimes may read. */
const lent = new Set<readonly Tensor[]>()
