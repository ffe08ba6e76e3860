import type { DeviceEvent } from '../backend.js'
import type { CloneOptions } from '../common-options.js'
import type { Device } from '../device.js'
import type {
  BatchOptions,
  DeviceChoice,
  Engine,
  EngineEvents,
  EngineHandle,
  EngineStats,
  Inputs,
  JobId,
  Outputs,
  RunCallback,
  RunOptions,
  WaitOptions,
} from '../engine.js'
import type { Logger } from '../logger.js'
import type { TensorInfo } from '../model.js'
import type { OptionValues } from '../option.js'
import { openHandle } from '../share/handle.js'
import type { Tensor } from '../tensor.js'
import { allocate, totalSize } from './allocate.js'
import type { PlacedDriver } from './client.js'
import { close, closeAll } from './close.js'
import { Events } from './events.js'
import { givingUp } from './giving-up.js'
import { Health } from './health.js'
import { Pipeline } from './pipeline.js'
import { runBatch } from './run-batch.js'
import type { Scheduler } from './scheduler.js'
import { settings } from './settings.js'
import { Stats } from './stats.js'
import { stream } from './stream.js'
import { checkWaitOptions, throwIfAborted } from './watch.js'

/** What an engine is made of, once its model is loaded. */
export interface EngineParts {
  readonly id: string
  readonly model: string
  readonly selection: readonly DeviceChoice[]
  readonly options: OptionValues
  /** At least one; the first is that of `engine.device`. */
  readonly drivers: readonly PlacedDriver[]
  readonly scheduler: Scheduler
  readonly logger: Logger
  /** Opens another engine like this one, whose drivers stay open meanwhile. */
  readonly clone: (options: CloneOptions, signal: AbortSignal) => Promise<Engine>
  /** Called once when the engine is closed. */
  readonly onClosed: () => void
}

/** The engine every backend gets. */
export class OpenEngine implements Engine {
  readonly id: string
  readonly model: string
  readonly device: Device
  readonly devices: readonly Device[]
  readonly sharesWeights: boolean
  readonly selection: readonly DeviceChoice[]
  readonly options: OptionValues
  readonly #parts: EngineParts
  readonly #events: Events
  readonly #pipeline: Pipeline
  readonly #health: Health
  readonly #cloning = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
    const { id, model, selection, options, drivers, scheduler, logger } = parts
    const [{ device }] = drivers as readonly [PlacedDriver]
    this.id = id
    this.model = model
    this.device = device
    this.devices = drivers.map(({ device }) => device)
    this.sharesWeights = drivers.every(({ driver }) => driver.sharesWeights === true)
    this.selection = selection
    const lanes = drivers.flatMap(({ driver }) => driver.lanes)
    const chosen = settings(options, lanes)
    this.options = { ...options, maxLoad: chosen.maxLoad, bufferCount: chosen.bufferCount }
    this.#events = new Events(logger)
    const origin = { engine: id, device: device.id }
    const pipeline = new Pipeline(drivers, scheduler, chosen, this.#events, origin)
    this.#pipeline = pipeline
    this.#health = new Health(id, drivers, options.whenLost === 'fail', {
      serve: (driver, serves) => pipeline.serve(driver, serves),
      failOn: (driver, error) => pipeline.failOn(driver, error),
      failAll: (error) => pipeline.failAll(error),
      // A closed engine says that it is closed, whatever becomes of its device.
      bar: (error) => {
        if (this.#closing === undefined) pipeline.barrier = error && (() => error)
      },
      lost: (error) => this.#events.emit('lost', error),
      recovered: () => this.#events.emit('recovered'),
    })
  }

  get inputs(): readonly TensorInfo[] {
    return this.#pipeline.signature.inputs
  }

  get outputs(): readonly TensorInfo[] {
    return this.#pipeline.signature.outputs
  }

  get inputSize(): number | undefined {
    return totalSize(this.inputs)
  }

  get outputSize(): number | undefined {
    return totalSize(this.outputs)
  }

  get load(): number {
    return this.#pipeline.admission.load
  }

  run(inputs: Inputs, options: RunOptions = {}): Promise<Outputs> {
    return new Promise((resolve, reject) => {
      this.#pipeline.submit(inputs, options, (job) => (job.waiter = { resolve, reject })).catch(reject)
    })
  }

  runSync(inputs: Inputs, options: Pick<RunOptions, 'outputs' | 'userArg'> = {}): Outputs {
    return this.#pipeline.runSync(inputs, options)
  }

  async runAsync(inputs: Inputs, userArg?: unknown, options: RunOptions = {}): Promise<JobId> {
    this.#pipeline.assertCollected()
    const { job } = await this.#pipeline.submit(inputs, withArgument(options, userArg), (job) =>
      this.#remember(job),
    )
    return job
  }

  tryRunAsync(inputs: Inputs, userArg?: unknown, options: RunOptions = {}): JobId {
    this.#pipeline.assertCollected()
    return this.#pipeline.trySubmit(inputs, withArgument(options, userArg), (job) => this.#remember(job)).job
  }

  async wait(job: JobId, options: WaitOptions = {}): Promise<Outputs> {
    if (typeof job !== 'number') throw new TypeError('wait needs the job id that runAsync gave')
    checkWaitOptions(options)
    return this.#pipeline.results.wait(job, options)
  }

  registerCallback(callback: RunCallback | null): void {
    if (callback !== null && typeof callback !== 'function') {
      throw new TypeError('registerCallback needs a function, or null to remove the one there is')
    }
    this.#pipeline.callback = callback
  }

  runBatch(items: readonly Inputs[], options: BatchOptions = {}): Promise<PromiseSettledResult<Outputs>[]> {
    return runBatch(this, items, options, this.#pipeline.admission.maxLoad)
  }

  stream(
    items: Iterable<Inputs> | AsyncIterable<Inputs>,
    options: RunOptions = {},
  ): AsyncGenerator<Outputs, void, void> {
    return stream(this, items, options, this.#pipeline.admission.maxLoad)
  }

  allocate(name: string, shape?: readonly number[]): Tensor {
    return allocate([...this.inputs, ...this.outputs], name, shape, (dataType, size) =>
      this.#pipeline.memory.tensor(dataType, size),
    )
  }

  stats(): EngineStats {
    return this.#pipeline.stats.summary(this.load)
  }

  resetStats(): void {
    this.#pipeline.stats = new Stats()
  }

  on<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): this {
    this.#events.on(event, listener)
    return this
  }

  off<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): this {
    this.#events.off(event, listener)
    return this
  }

  async clone(options: CloneOptions = {}, wait: WaitOptions = {}): Promise<Engine> {
    checkWaitOptions(wait)
    throwIfAborted(wait.signal, 'cloning the engine')
    const barrier = this.#pipeline.barrier?.()
    if (barrier !== undefined) throw barrier
    const open = (signal: AbortSignal) => {
      const cloning = this.#parts.clone(options, signal)
      this.#cloning.add(cloning)
      const forget = () => this.#cloning.delete(cloning)
      cloning.then(forget, forget)
      return cloning
    }
    return givingUp(open, wait, 'cloning the engine')
  }

  /** For core, `owned`: the engine is closed when the connection is. */
  share(owned = false): EngineHandle {
    return openHandle({ engine: this, pipeline: this.#pipeline, logger: this.#parts.logger }, owned)
  }

  close(options: Pick<WaitOptions, 'timeout'> = {}): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    checkWaitOptions(options)
    const { id, drivers, onClosed } = this.#parts
    const free = async () => {
      // They look at what is freed.
      await Promise.allSettled(this.#cloning)
      await closeAll(drivers.map(({ driver }) => driver))
    }
    this.#closing = close(this.#pipeline, free, id, options.timeout ?? 0).finally(onClosed)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For core: one of its devices is gone or back. */
  deviceChanged(event: DeviceEvent, device: Device): void {
    for (const placed of this.#parts.drivers) {
      if (placed.device === device) this.#health.changed(event, 'device', placed)
    }
  }

  #remember(job: Parameters<Pipeline['results']['add']>[0]): void {
    this.#pipeline.results.add(job)
  }
}

function withArgument(options: RunOptions, userArg: unknown): RunOptions {
  return userArg === undefined ? options : { ...options, userArg }
}
