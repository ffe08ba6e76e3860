import { HalError, now, type Tensor } from '@xpu-hal/core/backend'
import { Due } from '../due.js'
import type { Quirks } from '../quirks.js'
import { sleep } from '../sleep.js'
import type { Pointer } from './calls.js'
import { GivenInput } from './given-input.js'
import type { Inference, UseOutput } from './inference.js'
import { LentInput, LentInputs } from './lent-input.js'
import type { AsynchronousCalls } from './library.js'
import { NativeOutput } from './output.js'
import type { Runtime } from './runtime.js'
import { words } from './tensors-struct.js'

export interface AsynchronousSettings extends Quirks {
  /** Milliseconds. */
  readonly answerTimeout: number
}

interface Flight {
  readonly input: GivenInput | LentInput
  readonly sentAt: number
}

/**
 * `send_input` and `receive_output`. No answer says what it answers, so they are taken to come in the order of the inputs,
 * one for each. Where one is missing, all that are in flight are lost.
 */
export class Asynchronous implements Inference {
  private readonly flights: Flight[] = []
  private readonly inputs = new LentInputs()
  private readonly schedule: Due
  private readonly place = words(1)
  private receivedAt = 0
  loss: HalError | undefined

  constructor(
    private readonly runtime: Runtime,
    private readonly calls: AsynchronousCalls,
    private readonly settings: AsynchronousSettings,
  ) {
    this.schedule = new Due(settings.receiving)
  }

  send(names: readonly string[], tensors: readonly Tensor[]): void {
    const input = this.runtime.releasesInputs
      ? this.inputs.take(names, tensors)
      : new GivenInput(names, tensors)
    if (input instanceof LentInput) this.runtime.lent.add(input)
    const status = this.calls.send(input.pointer)
    if (status === 0) this.flights.push({ input, sentAt: now() })
    else this.refused(input, status)
  }

  due(): number {
    return this.schedule.amongOthers() - (now() - this.start())
  }

  receive<T>(use: UseOutput<T>): T {
    const start = this.start()
    const flight = this.flights.shift() as Flight
    if (this.loss !== undefined) throw this.loss
    try {
      const output = new NativeOutput(this.answer(start), true, this.calls.giveBack)
      try {
        return use(output, flight.input.bytesCopied)
      } finally {
        output.release()
      }
    } finally {
      if (this.loss === undefined && flight.input instanceof LentInput) {
        this.takeBack(flight.input, flight.sentAt)
      }
    }
  }

  /** When the oldest inference can have begun. */
  private start(): number {
    return Math.max(this.flights[0]?.sentAt ?? 0, this.receivedAt)
  }

  /** Waits for the answer to the inference that began at `start`. */
  private answer(start: number): Pointer {
    const { schedule, place } = this
    const { answerTimeout } = this.settings
    sleep(Math.min(schedule.first(), answerTimeout) - (now() - start))
    for (;;) {
      place[0] = 0n
      const asked = now() - start
      const status = this.ask()
      this.receivedAt = now()
      const elapsed = this.receivedAt - start
      const took = elapsed - asked
      // Also where the answer came in the last moment.
      if (this.runtime.interruption.happened) this.lose(this.unanswered(status))
      if (status === 0) {
        schedule.received(asked, took)
        return place[0]
      }
      if (this.loss !== undefined) throw this.loss
      if (this.answered()) throw this.runtime.failure('receive_output', status)
      schedule.missed(asked, took)
      if (elapsed >= answerTimeout) throw this.lose(this.unanswered(status))
      sleep(Math.min(schedule.pause(elapsed, took), answerTimeout - elapsed))
    }
  }

  private ask(): number {
    const receive = () => this.calls.receive(this.place)
    return this.settings.receiving === 'blocks' ? this.runtime.interruption.during(receive) : receive()
  }

  /** Whether a `receive_output` that failed was the answer: that the inference failed. */
  private answered(): boolean {
    const { nothingYet } = this.settings
    return nothingYet !== '' && !this.runtime.reason().startsWith(nothingYet)
  }

  private refused(input: GivenInput | LentInput, status: number): never {
    if (input instanceof LentInput) this.keep(input)
    else if (!this.settings.freesRefused) input.free()
    throw this.runtime.failure('send_input', status)
  }

  /** Where the runtime keeps an input for too long, it keeps it for ever. */
  private takeBack(input: LentInput, sentAt: number): void {
    while (!input.released()) {
      if (now() - sentAt >= this.settings.answerTimeout) {
        this.lose(this.unreleased())
        return
      }
      sleep(0.1)
    }
    this.keep(input)
  }

  private keep(input: LentInput): void {
    this.runtime.lent.delete(input)
    this.inputs.giveBack(input)
  }

  private lose(error: HalError): HalError {
    this.loss = error
    return error
  }

  private unanswered(status: number): HalError {
    const message =
      `${this.runtime.library.name} gave no answer within ${this.settings.answerTimeout} ms, and is started again; ` +
      `raise answerTimeout if the model takes longer. The runtime says: ${this.runtime.reason()}`
    return new HalError('HAL_DEVICE_LOST', message, { native: { call: 'receive_output', status } })
  }

  private unreleased(): HalError {
    const { name } = this.runtime.library
    return new HalError(
      'HAL_DEVICE_LOST',
      `${name} took the extension but did not release an input within ${this.settings.answerTimeout} ms of sending it`,
    )
  }
}
