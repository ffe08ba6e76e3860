import { watch } from '../engine/watch.js'
import { HalError } from '../errors.js'
import type { Connection } from './connection.js'
import { encodeError } from './error-message.js'

/** Watches the signal of a call, and brings its abort to the engine's thread; the call fails with the answer from there. */
export class Cancellation {
  readonly cancellable: boolean
  readonly disarm: () => void
  #aborted: HalError | undefined

  constructor(connection: Connection, call: number, signal: AbortSignal | undefined, what: string) {
    this.cancellable = signal !== undefined
    const disarm = watch(signal === undefined ? {} : { signal }, what, (error) => {
      this.#aborted = error
      connection.tell({ kind: 'cancel', call, reason: encodeError(error.cause) })
    })
    this.disarm = disarm ?? (() => {})
  }

  /** The failure of the call, with the very reason of the signal as its cause. */
  explain(error: unknown): unknown {
    if (this.#aborted === undefined || !HalError.isInstance(error) || error.code !== 'HAL_ABORTED')
      return error
    const { device, engine, job } = error
    const where = {
      ...(device !== undefined && { device }),
      ...(engine !== undefined && { engine }),
      ...(job !== undefined && { job }),
    }
    return new HalError(error.code, error.message, { ...where, cause: this.#aborted.cause })
  }
}
