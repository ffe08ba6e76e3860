import type { DeviceEvent, EngineDriver } from '../backend.js'
import { HalError } from '../errors.js'
import type { PlacedDriver } from './client.js'

/** What losses mean for the runs of an engine. */
export interface HealthOwner {
  /** Lanes of a driver take runs, or do not. */
  serve(driver: EngineDriver, serves: (lane: number) => boolean): void
  /** One driver is lost, others are not. */
  failOn(driver: EngineDriver, error: HalError): void
  /** All is lost. */
  failAll(error: HalError): void
  /** Why no run may enter, or `undefined`. */
  bar(error: HalError | undefined): void
  lost(error: HalError): void
  recovered(): void
}

type Part = 'device' | 'runtime'

/** One driver of an engine: what of it is lost. */
class Condition {
  readonly parts = new Map<Part, HalError>()
  readonly lanes = new Map<number, HalError>()

  constructor(readonly placed: PlacedDriver) {}

  /** It executes nothing: the device, the runtime on it, or every lane is lost. */
  loss(withLanes: boolean): HalError | undefined {
    const [loss] = this.parts.values()
    const some = this.lanes.size < this.placed.driver.lanes.length
    if (loss !== undefined || !withLanes || some) return loss
    return [...this.lanes.values()].at(-1)
  }
}

/** Which of its devices, runtimes and lanes an engine has lost. It is lost itself when it can execute nothing. */
export class Health {
  readonly #conditions: readonly Condition[]

  constructor(
    private readonly engine: string,
    drivers: readonly PlacedDriver[],
    /** With no lane left, runs fail instead of waiting for one. */
    private readonly failWithoutLanes: boolean,
    private readonly owner: HealthOwner,
  ) {
    this.#conditions = drivers.map((placed) => new Condition(placed))
    for (const { placed } of this.#conditions)
      placed.driver.doSubscribe?.((event) => this.changed(event, 'runtime', placed))
  }

  changed(event: DeviceEvent, part: Part, { driver, device }: PlacedDriver): void {
    const condition = this.#conditions.find(({ placed }) => placed.driver === driver) as Condition
    const { lane } = event
    if (lane !== undefined) {
      if (event.kind === 'lost') condition.lanes.set(lane, event.error)
      else condition.lanes.delete(lane)
    } else if (event.kind === 'lost') condition.parts.set(part, event.error)
    else condition.parts.delete(part)
    const lost = condition.loss(false) !== undefined
    this.owner.serve(driver, (index) => !lost && !condition.lanes.has(index))
    const everything = this.#everything()
    this.owner.bar(everything)
    if (event.kind === 'recovered') {
      // The device may come back while the runtime stays away, and the other way round.
      if (!lost) this.owner.recovered()
      return
    }
    const error = this.#error(event.error, device.id, lane === undefined || everything !== undefined)
    if (everything !== undefined) this.owner.failAll(error)
    else if (lane === undefined) this.owner.failOn(driver, error)
    this.owner.lost(error)
  }

  /** Why nothing can be executed. */
  #everything(): HalError | undefined {
    const losses = this.#conditions.map((condition) => condition.loss(this.failWithoutLanes))
    const [first] = losses
    if (first === undefined || losses.includes(undefined)) return undefined
    return this.#error(first, (this.#conditions[0] as Condition).placed.device.id, true)
  }

  #error(cause: HalError, device: string, whole: boolean): HalError {
    if (!whole) return HalError.from(cause, { device, engine: this.engine })
    const message = `device ${device} is lost: ${cause.message}`
    return new HalError('HAL_DEVICE_LOST', message, { device, engine: this.engine, cause })
  }
}
