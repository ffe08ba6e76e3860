import type { Signature } from '../engine/signature.js'
import type { Engine, EngineEvents, RunMetrics } from '../engine.js'
import type { HalError } from '../errors.js'
import { encodeError } from './error-message.js'
import type { Notice } from './message.js'

type EventName = keyof EngineEvents

/** Keeps the other thread up to date with the engine: what it has learned, lost devices, and the events listened for. */
export class SessionNews {
  readonly #listeners = new Map<EventName, EngineEvents[EventName]>()
  #lost: readonly boolean[]

  constructor(
    private readonly engine: Engine,
    private readonly signature: Signature,
    private readonly send: (notice: Notice) => void,
  ) {
    this.#lost = engine.devices.map(({ lost }) => lost)
    engine.on('lost', this.tellDevices)
    engine.on('recovered', this.tellDevices)
    signature.watchers.add(this.#tellSignature)
  }

  /** @throws TypeError when there is no such event. */
  listen(event: EventName, on: boolean): void {
    const known = this.#listeners.get(event)
    if (known !== undefined) this.engine.off(event, known)
    this.#listeners.delete(event)
    if (!on) return
    const listener = (detail?: HalError | RunMetrics) => this.#forward(event, detail)
    this.engine.on(event, listener)
    this.#listeners.set(event, listener)
  }

  end(): void {
    for (const [event, listener] of this.#listeners) this.engine.off(event, listener)
    this.engine.off('lost', this.tellDevices)
    this.engine.off('recovered', this.tellDevices)
    this.signature.watchers.delete(this.#tellSignature)
  }

  /** No event says that a device is back whose runtime is not: that has to be looked for. */
  readonly tellDevices = (): void => {
    const { devices } = this.engine
    if (devices.every(({ lost }, i) => lost === this.#lost[i])) return
    this.#lost = devices.map(({ lost }) => lost)
    this.send({ kind: 'devices', lost: this.#lost })
  }

  readonly #tellSignature = (): void => {
    const { inputs, outputs } = this.signature
    this.send({ kind: 'learned', signature: { inputs, outputs } })
  }

  #forward(event: EventName, detail: HalError | RunMetrics | undefined): void {
    if (event !== 'run') {
      this.send({ kind: 'event', event, ...(detail && { error: encodeError(detail) }) })
      return
    }
    const { error, ...metrics } = detail as RunMetrics
    this.send({ kind: 'event', event, metrics, ...(error && { error: encodeError(error) }) })
  }
}
