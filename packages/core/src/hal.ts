import type { Backend, EngineDriver } from './backend.js'
import { COMMON_OPTIONS, type EngineOptions } from './common-options.js'
import type { Device, Isolation } from './device.js'
import { OpenEngine } from './engine/open-engine.js'
import { checkWaitOptions, throwIfAborted, watch } from './engine/watch.js'
import type { Engine, WaitOptions } from './engine.js'
import { HalError } from './errors.js'
import { type BackendSource, resolveBackend } from './hal/backend-source.js'
import { boundCores } from './hal/bound.js'
import { OpenDevice } from './hal/open-device.js'
import { type AbsentBackend, candidates, type Fallback, select } from './hal/selection.js'
import { type Logger, silent } from './logger.js'
import type { ModelSource } from './model.js'
import { resolveModel } from './model-source.js'
import type { OptionValues } from './option.js'
import { checkOptionNames, resolveOptions } from './option-check.js'

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
   * `wait`, loading is given up on; what is half loaded is freed.
   */
  openEngine(model: ModelSource, options?: EngineOptions, wait?: WaitOptions): Promise<Engine>
  /** Closes every engine, then the backends. Idempotent. */
  close(): Promise<void>
}

/** Makes a HAL. Nothing is loaded before it is asked for. */
export function createHal(options: HalOptions): Hal {
  if (!Array.isArray(options?.backends)) throw new TypeError('createHal needs { backends: [...] }')
  return new OpenHal(options.backends, options.logger ?? silent)
}

interface Inventory {
  readonly backends: readonly Backend[]
  readonly devices: readonly OpenDevice[]
  readonly absent: readonly AbsentBackend[]
}

let engines = 0

class OpenHal implements Hal {
  #inventory: Promise<Inventory> | undefined
  #closing: Promise<void> | undefined
  readonly #opening = new Set<Promise<unknown>>()

  constructor(
    private readonly sources: readonly BackendSource[],
    private readonly logger: Logger,
  ) {}

  async devices(): Promise<readonly Device[]> {
    return (await this.#take()).devices
  }

  async openEngine(model: ModelSource, options: EngineOptions = {}, wait: WaitOptions = {}): Promise<Engine> {
    checkWaitOptions(wait)
    throwIfAborted(wait.signal, 'opening the engine')
    const opening = this.#open(model, options)
    this.#opening.add(opening)
    const forget = () => this.#opening.delete(opening)
    opening.then(forget, forget)
    return givingUp(opening, wait)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #open(source: ModelSource, given: EngineOptions): Promise<Engine> {
    const { devices, absent } = await this.#take()
    const known = [...COMMON_OPTIONS, ...devices.flatMap((device) => device.options)]
    checkOptionNames(given, known, 'an engine')
    const common = resolveOptions(given, COMMON_OPTIONS)
    const policy = common.devices as 'auto' | readonly string[]
    const list = candidates(policy, devices, absent)
    const model = await resolveModel(source)
    const id = `engine:${++engines}`
    const namesCpu = policy !== 'auto' && list.some((entry) => !('absent' in entry) && entry.kind === 'cpu')
    const fallback = (common.fallback ?? (namesCpu ? 'warn' : 'error')) as Fallback
    const { device, opened, choices } = await select(
      list,
      fallback,
      async (candidate): Promise<{ driver: EngineDriver; options: OptionValues }> => {
        const values = this.#optionsFor(candidate, given)
        const cores = boundCores(values.boundOption, candidate)
        const { driver } = candidate
        const request = { engine: id, model, options: values, cores, logger: this.logger }
        return { driver: await driver.doOpen(request), options: values }
      },
      (message) => this.logger('warn', message, { engine: id }),
    )
    const { scheduler } = device
    const engine: OpenEngine = new OpenEngine({
      ...{ id, model: model.name, device, selection: choices, ...opened, scheduler, logger: this.logger },
      onClosed: () => device.engines.delete(engine),
    })
    device.engines.add(engine)
    return engine
  }

  #optionsFor(device: OpenDevice, given: EngineOptions): OptionValues {
    checkOptionNames(given, device.options, device.id)
    const values = resolveOptions(given, device.options)
    const known = device.capabilities.isolation
    const isolation = (values.isolation ?? known[0]) as Isolation
    if (!known.includes(isolation)) {
      const message = `${device.id} has no isolation '${isolation}'; it has ${known.join(', ')}`
      throw new HalError('HAL_UNIMPLEMENTED', message, { device: device.id })
    }
    if (device.lost) {
      throw new HalError('HAL_DEVICE_LOST', `device ${device.id} is lost`, { device: device.id })
    }
    return { ...values, isolation }
  }

  #take(): Promise<Inventory> {
    if (this.#closing !== undefined) throw new HalError('HAL_FAILED_PRECONDITION', 'the HAL is closed')
    this.#inventory ??= this.#find()
    return this.#inventory
  }

  async #find(): Promise<Inventory> {
    const backends: Backend[] = []
    const devices: OpenDevice[] = []
    const absent: AbsentBackend[] = []
    for (const source of this.sources) {
      const backend = await resolveBackend(source)
      if (backends.some(({ name }) => name === backend.name)) {
        throw new HalError(
          'HAL_INVALID_ARGUMENT',
          `two backends have the name '${backend.name}': give one another name`,
        )
      }
      backends.push(backend)
      try {
        const drivers = await backend.doDevices({ logger: this.logger })
        devices.push(...drivers.map((driver) => new OpenDevice(backend, driver)))
        if (drivers.length === 0) throw new HalError('HAL_UNAVAILABLE', 'it found no device')
      } catch (error) {
        absent.push({ name: backend.name, error: HalError.from(error) })
        this.logger('info', `backend '${backend.name}' has no device: ${HalError.from(error).message}`)
      }
    }
    return { backends, devices, absent }
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#opening)
    if (this.#inventory === undefined) return
    const { devices, backends } = await this.#inventory.catch(() => ({ devices: [], backends: [] }))
    await Promise.all(devices.flatMap((device) => [...device.engines].map((engine) => engine.close())))
    await Promise.all(backends.map((backend) => backend.doClose?.()))
  }
}

/** Waits for an engine no longer than the caller wants; one that opens too late is closed again. */
function givingUp(opening: Promise<Engine>, wait: WaitOptions): Promise<Engine> {
  return new Promise((resolve, reject) => {
    let late = false
    const disarm = watch(wait, 'opening the engine', (error) => {
      late = true
      reject(error)
    })
    opening.then(
      (engine) => {
        disarm?.()
        if (late) engine.close().catch(() => {})
        else resolve(engine)
      },
      (error) => {
        disarm?.()
        reject(error)
      },
    )
  })
}
