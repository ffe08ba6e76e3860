import {
  DATA_TYPES,
  type DeviceDriver,
  type DeviceEvent,
  type DeviceInfo,
  type DeviceStatus,
  type EngineDriver,
  HalError,
  type Isolation,
  type OpenRequest,
} from '@xpu-hal/core/backend'
import { host } from '@xpu-hal/host'
import { Board } from './board.js'
import type { CheckedConfig } from './config.js'
import { type DeviceState, MockEngine } from './engine.js'
import { type Fault, FaultPlan } from './faults.js'
import { MainTime } from './main-time.js'
import { engineOptions, timesOf, workersOf } from './request.js'
import { RunTable } from './run-table.js'
import type { RunnerConfig } from './runner.js'
import { Telemetry } from './telemetry.js'
import { Timing } from './timing.js'

export const runner = new URL('./runner.js', import.meta.url)

/** Counts since the mock was made. */
export interface MockCounters {
  /** Runs that were handed to the device, those included that a fault struck. */
  runs: number
  /** Runs that a fault struck. */
  faults: number
  /** Engines that are open now. */
  engines: number
}

/** A simulated device: what core drives, and the controls that a test holds. */
export class MockDevice implements DeviceDriver {
  readonly info: DeviceInfo
  readonly options = engineOptions
  private readonly state: DeviceState
  private readonly telemetry: Telemetry
  private readonly listeners = new Set<(event: DeviceEvent) => void>()

  constructor(
    id: string,
    private readonly config: CheckedConfig,
  ) {
    this.info = {
      id,
      name: config.name,
      vendor: 'XPU HAL',
      kind: 'npu',
      cores: Array.from({ length: config.cores }, (_, i) => ({ id: `NPU_${i}`, slots: 1 })),
      capabilities: {
        dataTypes: DATA_TYPES,
        dynamicShapes: true,
        modelFromBytes: true,
        runSync: true,
        cancelRunning: true,
        isolation: ['thread', 'process', 'inline'],
      },
    }
    this.state = {
      board: Board.withCores(config.cores),
      plan: new FaultPlan(),
      coreIds: this.info.cores.map((core) => core.id),
      engines: new Set(),
      runs: 0,
      faults: 0,
      loss: undefined,
    }
    this.telemetry = new Telemetry(this.state.board, config.cores)
  }

  get lost(): boolean {
    return this.state.loss !== undefined
  }

  get counters(): Readonly<MockCounters> {
    const { runs, faults, engines } = this.state
    return { runs, faults, engines: engines.size }
  }

  /** Takes the device away: what runs on it fails with HAL_DEVICE_LOST, and so does all that comes until `recover`. */
  lose(reason = 'the simulated device was taken away'): void {
    if (this.state.loss !== undefined) return
    const { id } = this.info
    const error = new HalError('HAL_DEVICE_LOST', `${id} is lost: ${reason}`, { device: id })
    this.state.loss = error
    this.state.board.lose()
    this.tell({ kind: 'lost', error })
    for (const engine of this.state.engines) engine.abort(error)
  }

  /** Brings the device back; engines that were open serve again. */
  recover(): void {
    if (this.state.loss === undefined) return
    this.state.loss = undefined
    this.state.board.recover()
    this.tell({ kind: 'recovered' })
  }

  /** Lets the next runs go wrong. Faults injected first strike first; each run is struck by one at most. */
  inject(fault: Fault): void {
    this.state.plan.add(fault)
  }

  /** Takes back the faults that have not struck, and gives every answer that is held; `never` stays so. */
  clearFaults(): void {
    this.state.plan.clear()
    for (const engine of this.state.engines) engine.release()
  }

  async doOpen(request: OpenRequest): Promise<EngineDriver> {
    if (this.state.loss !== undefined) throw this.state.loss
    const { model, logger, like } = request
    const table = RunTable.create()
    const isolation = (request.options.isolation ?? 'thread') as Isolation
    const config: RunnerConfig = {
      device: this.info.id,
      cores: this.state.coreIds,
      arithmetic: this.config.arithmetic,
      ...(isolation !== 'process' && { shared: { board: this.state.board.memory, table: table.memory } }),
    }
    const inner = await host({
      module: runner,
      model,
      config,
      workers: workersOf(request),
      isolation,
      like: like instanceof MockEngine && like.arithmetic === config.arithmetic ? like.inner : undefined,
      logger,
    })
    const timing = new Timing(timesOf(request, this.config), this.config.seed)
    const mainTime = isolation === 'process' ? new MainTime(this.state.board, table, this.info.id) : undefined
    const engine = new MockEngine(inner, model.name, config.arithmetic, this.state, timing, table, mainTime)
    this.state.engines.add(engine)
    return engine
  }

  doStatus(): DeviceStatus {
    return this.telemetry.read()
  }

  doSubscribe(listener: (event: DeviceEvent) => void): void {
    this.listeners.add(listener)
  }

  /** Forgets the HAL that used it. */
  unsubscribe(): void {
    this.listeners.clear()
  }

  private tell(event: DeviceEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}
