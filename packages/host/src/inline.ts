import {
  type DeviceEvent,
  type DriverRun,
  type EngineDriver,
  HalError,
  type Lane,
  type RunAnswer,
  type SyncRequest,
} from '@xpu-hal/core/backend'
import type { Common } from './common.js'
import { freeAll } from './free.js'
import { ModelInUse } from './model-in-use.js'
import { importRunner } from './module.js'
import type { HostOptions } from './options.js'
import { repair } from './repair.js'
import type { AnyRunner, RunnerModule } from './runner.js'
import { closeLost, runHere } from './sync-runner.js'

/** Everything on the calling thread: nothing to hand over, and the event loop stands still during a run. */
export async function inlineDriver(options: HostOptions<unknown>, like: Common | undefined) {
  try {
    const module = await importRunner(options.module.href)
    const load = async () => new ModelInUse(await module.load(options.config, options.model))
    const model = like?.model?.join() ?? (await load())
    const driver = new InlineDriver(options, module, model, like !== undefined)
    try {
      await driver.open()
    } catch (error) {
      await driver.doClose().catch(() => {})
      throw error
    }
    return { driver, common: { model } }
  } catch (error) {
    throw HalError.from(error)
  }
}

class InlineDriver implements EngineDriver {
  readonly memory = 'any'
  readonly keepsModel: boolean
  readonly sharesWeights: boolean
  readonly inputs
  readonly outputs
  readonly outputShapes
  readonly lanes: readonly Lane[]
  /** By lane; missing while another is opened in its place. */
  readonly #runners: (AnyRunner | undefined)[] = []
  /** Aborts when it is closed or lost for good: nothing is repaired then. */
  readonly #over = new AbortController()
  readonly #repairs = new Set<Promise<void>>()
  #listener: (event: DeviceEvent) => void = () => {}
  #closed: Promise<void> | undefined

  constructor(
    private readonly options: HostOptions<unknown>,
    private readonly module: RunnerModule,
    private readonly model: ModelInUse,
    joined: boolean,
  ) {
    const { inputs, outputs, outputShapes } = model.value
    this.inputs = inputs
    this.outputs = outputs
    this.outputShapes = outputShapes
    this.keepsModel = 'like' in options
    this.sharesWeights = joined && options.sharesWeights !== false
    this.lanes = options.workers.map(({ core }) => ({ core, depth: 1 }))
  }

  async open(): Promise<void> {
    for (const lane of this.lanes.keys()) this.#runners[lane] = await this.#open(lane)
  }

  doSubscribe(listener: (event: DeviceEvent) => void): void {
    this.#listener = listener
  }

  doRun(run: DriverRun): void {
    let answer: RunAnswer
    try {
      answer = this.#execute(run.lane, run.job, run)
    } catch (error) {
      run.fail(error)
      return
    }
    run.done(answer)
  }

  doRunSync(request: SyncRequest): RunAnswer {
    const lane = this.#runners.findIndex((runner) => runner !== undefined)
    return this.#execute(lane, 0, request)
  }

  doClose(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #open(lane: number): Promise<AnyRunner> {
    const { core } = this.lanes[lane] as Lane
    return this.module.open(this.options.config, this.model.value.shared, { index: lane, core })
  }

  #execute(lane: number, job: number, request: SyncRequest): RunAnswer {
    const runner = this.#runners[lane]
    if (runner === undefined) {
      throw new HalError('HAL_DEVICE_LOST', 'the runtime was lost; it is being started again')
    }
    try {
      return runHere(runner, job, request)
    } finally {
      if (runner.lost !== undefined) this.#replace(lane, runner, runner.lost)
    }
  }

  #replace(lane: number, runner: AnyRunner, error: HalError): void {
    this.#runners[lane] = undefined
    closeLost(runner, this.options.logger)
    if (this.#over.signal.aborted) return
    this.#listener({ kind: 'lost', error, lane })
    const repaired = this.#repair(lane).finally(() => this.#repairs.delete(repaired))
    this.#repairs.add(repaired)
  }

  async #repair(lane: number): Promise<void> {
    const { signal } = this.#over
    try {
      this.#runners[lane] = await repair(() => this.#open(lane), 0, signal, this.options.logger)
      if (!signal.aborted) this.#listener({ kind: 'recovered', lane })
    } catch (cause) {
      if (signal.aborted) return
      this.#over.abort()
      this.#listener({ kind: 'lost', error: HalError.from(cause) })
    }
  }

  async #close(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#repairs)
    const close = this.#runners.map((runner) => () => runner?.close())
    const unload = () => this.model.leave() && this.module.unload?.(this.model.value.shared)
    await freeAll([...close, unload], this.options.logger)
  }
}
