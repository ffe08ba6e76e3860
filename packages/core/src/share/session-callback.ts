import type { Pipeline } from '../engine/pipeline.js'
import type { JobId, RunCallback } from '../engine.js'
import { HalError } from '../errors.js'
import { shareOutputs } from './crossing.js'
import { decodeError, type ErrorMessage } from './error-message.js'
import type { Delivered, Notice } from './message.js'

interface Through {
  resolve(): void
  reject(error: unknown): void
}

/** The callback of another thread, as the engine sees it. */
export class SessionCallback {
  /** The run that the other thread stands still for. */
  urgent: JobId | undefined
  #current: RunCallback | undefined
  readonly #deliveries = new Map<number, Through>()
  /** Runs of anybody may go to a callback that was replaced: only when none is left can its thread forget it. */
  readonly #unused = new FinalizationRegistry<number>((number) => {
    if (!this.#ended) this.send({ kind: 'unused', callback: number })
  })
  #last = 0
  #ended = false

  constructor(
    private readonly pipeline: Pipeline,
    private readonly send: (notice: Notice) => void,
    private readonly sendUrgent: (delivered: Delivered) => void,
  ) {}

  /** Whether runs that are submitted now go to it. */
  get isRegistered(): boolean {
    return this.#current !== undefined && this.pipeline.callback === this.#current
  }

  /** `number` tells the callbacks of the thread apart; `null` removes whichever the engine has. */
  register(number: number | null): void {
    if (number !== null && typeof number !== 'number') throw new TypeError('a callback has a number')
    this.#current = undefined
    if (number !== null) {
      this.#current = (outputs, userArg, job) => this.#deliver(number, outputs, userArg, job)
      this.#unused.register(this.#current, number)
    }
    this.pipeline.callback = this.#current ?? null
  }

  through(delivery: number, error: ErrorMessage | undefined): void {
    const through = this.#deliveries.get(delivery)
    this.#deliveries.delete(delivery)
    if (error === undefined) through?.resolve()
    else through?.reject(decodeError(error))
  }

  /** The thread is gone: it has let go of all outputs. */
  end(): void {
    this.#ended = true
    if (this.isRegistered) this.pipeline.callback = null
    for (const { resolve } of this.#deliveries.values()) resolve()
    this.#deliveries.clear()
  }

  #deliver(
    callback: number,
    given: Parameters<RunCallback>[0],
    userArg: unknown,
    job: JobId,
  ): void | Promise<void> {
    if (this.#ended) return
    const delivery = ++this.#last
    const { outputs, bytesCopied } = shareOutputs(given)
    this.pipeline.stats.bytesCopied += bytesCopied
    const send = job === this.urgent ? this.sendUrgent : this.send
    try {
      send({ kind: 'callback', callback, delivery, outputs, userArg, job })
    } catch (cause) {
      const message = `userArg cannot go to the thread of the callback: ${HalError.from(cause).message}`
      throw new HalError('HAL_INVALID_ARGUMENT', message, { job, cause })
    }
    return new Promise((resolve, reject) => this.#deliveries.set(delivery, { resolve, reject }))
  }
}
