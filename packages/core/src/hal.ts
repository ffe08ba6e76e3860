import type { EngineOptions } from './common-options.js'
import type { Device } from './device.js'
import { deadlineIn, within } from './engine/close.js'
import { givingUp } from './engine/giving-up.js'
import type { OpenEngine } from './engine/open-engine.js'
import { checkWaitOptions, throwIfAborted } from './engine/watch.js'
import type { Engine, WaitOptions } from './engine.js'
import { HalError } from './errors.js'
import type { BackendSource } from './hal/backend-source.js'
import { type Inventory, takeInventory } from './hal/inventory.js'
import { openEngine } from './hal/open.js'
import { checkOpenControl, type OpenControl } from './hal/open-control.js'
import { type Logger, silent } from './logger.js'
import type { ModelSource } from './model.js'

export interface HalOptions {
  /** Backends, or the names of packages that make one; `auto` prefers them in this order. */
  readonly backends: readonly BackendSource[]
  readonly logger?: Logger
}

/** The devices of this machine, and the way to engines on them. */
export interface Hal extends AsyncDisposable {
  /** Devices of all backends, found once. A backend without a device adds nothing; `openEngine` says why. */
  devices(): Promise<readonly Device[]>
  /**
   * Loads a model on the first device in the order of `options.devices` that takes it. With a timeout or signal in
   * `control`, loading and warm-up are given up on; what is half loaded is freed.
   * @throws HalError why no device took the model; TypeError when `model` is missing.
   */
  openEngine(model: ModelSource, options?: EngineOptions, control?: OpenControl): Promise<Engine>
  /**
   * Closes every engine (see `engine.close` for the timeout), then the backends. An engine that is being warmed up fails to
   * open. Idempotent.
   */
  close(options?: Pick<WaitOptions, 'timeout'>): Promise<void>
}

/** Makes a HAL. Nothing is loaded before it is asked for. */
export function createHal(options: HalOptions): Hal {
  if (!Array.isArray(options?.backends)) throw new TypeError('createHal needs { backends: [...] }')
  return new OpenHal(options.backends, options.logger ?? silent)
}

class OpenHal implements Hal {
  #inventory: Promise<Inventory> | undefined
  #closing: Promise<void> | undefined
  readonly #opening = new Set<Promise<Engine>>()
  readonly #closed = new AbortController()

  constructor(
    private readonly sources: readonly BackendSource[],
    private readonly logger: Logger,
  ) {}

  async devices(): Promise<readonly Device[]> {
    return (await this.#take()).devices.map(({ device }) => device)
  }

  async openEngine(
    model: ModelSource,
    options: EngineOptions = {},
    control: OpenControl = {},
  ): Promise<Engine> {
    checkOpenControl(control)
    throwIfAborted(control.signal, 'opening the engine')
    const { onProgress, warmUpInputs } = control
    const open = (signal: AbortSignal) => {
      const opening = { onProgress, warmUpInputs, signal, closed: this.#closed.signal }
      return this.#admit((inventory) =>
        openEngine(inventory, model, options, this.logger, this.#admit, opening),
      )
    }
    return givingUp(open, control, 'opening the engine')
  }

  close(options: Pick<WaitOptions, 'timeout'> = {}): Promise<void> {
    checkWaitOptions(options)
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly #admit = (open: (inventory: Inventory) => Promise<OpenEngine>): Promise<OpenEngine> => {
    const opening = this.#take().then(open)
    this.#opening.add(opening)
    const forget = () => this.#opening.delete(opening)
    opening.then(forget, forget)
    return opening
  }

  async #take(): Promise<Inventory> {
    if (this.#closing !== undefined) throw new HalError('HAL_FAILED_PRECONDITION', 'the HAL is closed')
    this.#inventory ??= takeInventory(this.sources, this.logger)
    return this.#inventory
  }

  async #close(options: Pick<WaitOptions, 'timeout'>): Promise<void> {
    const { timeout = 0 } = options
    const deadline = deadlineIn(timeout)
    this.#closed.abort(new HalError('HAL_FAILED_PRECONDITION', 'the HAL is closed'))
    const opened = await within(Promise.allSettled(this.#opening), deadline)
    // Whoever opens after that would hold the device with nobody left to close it.
    for (const opening of this.#opening) opening.then((engine) => engine.close()).catch(() => {})
    const inventory = await this.#inventory?.catch(() => undefined)
    if (inventory === undefined) return
    const engines = new Set(inventory.devices.flatMap((device) => [...device.engines]))
    // One that does not close keeps neither the others nor the backends from it.
    const rest = timeout === 0 ? {} : { timeout: Math.max(deadline - performance.now(), 1) }
    const closed = await Promise.allSettled([...engines].map((engine) => engine.close(rest)))
    await within(Promise.all(inventory.backends.map((backend) => backend.doClose?.())), deadline)
    for (const result of closed) if (result.status === 'rejected') throw result.reason
    if (!opened) {
      throw new HalError('HAL_DEADLINE_EXCEEDED', `an engine was still being opened after ${timeout} ms`)
    }
  }
}
