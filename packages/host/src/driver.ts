import { setMaxListeners } from 'node:events'
import {
  type DeviceEvent,
  type DriverRun,
  type EngineDriver,
  HalError,
  type RunAnswer,
  type SyncRequest,
} from '@xpu-hal/core/backend'
import { AT_HAND, connect, free, load } from './connect.js'
import { freeAll } from './free.js'
import { type Connection, WorkerLane } from './lane.js'
import type { HostOptions } from './options.js'
import { repair } from './repair.js'
import type { LoadedModel } from './runner.js'
import { SyncRunner } from './sync-runner.js'
import { commandIfAlive } from './worker/commands.js'
import type { Loss, RemoteWorker } from './worker/remote-worker.js'
import type { Workers } from './workers.js'

/** Milliseconds that a worker process gets for runs that were given up on when its engine closes. */
const CLOSING_PATIENCE_MS = 1_000
/** Workers that an engine leaves behind inside native calls, at most: each keeps its memory. */
const MAX_STUCK = 16

/** One worker for each entry of `options.workers`. */
export async function workerDriver(options: HostOptions<unknown>, workers: Workers): Promise<EngineDriver> {
  const started: RemoteWorker[] = []
  let loaded: LoadedModel<unknown> | undefined
  try {
    for (const [index, { core }] of options.workers.entries()) started.push(workers.start({ index, core }))
    const [first, ...others] = started as [RemoteWorker, ...RemoteWorker[]]
    const model = await load(first, options, workers)
    loaded = model
    const open = async (worker: RemoteWorker) => {
      if (worker !== first && workers.module === undefined) await load(worker, options, workers)
      return connect(worker, options, workers, model)
    }
    const opened = await Promise.allSettled([first, ...others].map(open))
    const connections = opened.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    // One may have died while others were opening.
    const lost = started.find((worker) => worker.lost !== undefined)?.lost
    if (lost !== undefined) throw lost
    return new WorkerDriver(options, workers, model, connections)
  } catch (error) {
    await free(started, options, workers, loaded).catch(() => {})
    workers.close()
    throw HalError.from(error)
  }
}

class WorkerDriver implements EngineDriver {
  readonly lanes: readonly WorkerLane[]
  readonly doRunSync?: (request: SyncRequest) => RunAnswer
  readonly #sync: SyncRunner | undefined
  /** Aborts when it is closed or lost for good: nothing is repaired then. */
  readonly #over = new AbortController()
  readonly #repairs = new Set<Promise<void>>()
  /** Their runners were lost when nothing was repaired any more. */
  readonly #unrepaired: RemoteWorker[] = []
  /** What happened before anybody listened. */
  readonly #early: DeviceEvent[] = []
  #listener: (event: DeviceEvent) => void = (event) => this.#early.push(event)
  /** They are inside native calls and were left behind. */
  readonly #stuck = new Set<RemoteWorker>()
  #closed: Promise<void> | undefined

  constructor(
    private readonly options: HostOptions<unknown>,
    private readonly workers: Workers,
    private readonly loaded: LoadedModel<unknown>,
    connections: readonly Connection[],
  ) {
    // Every lane that waits to be repaired listens to it.
    setMaxListeners(0, this.#over.signal)
    const { config, depth = 1, limits = {}, runSync = true } = options
    const { module } = workers
    this.lanes = connections.map((connection, index) => {
      const lane = new WorkerLane(connection.worker.worker.core, depth + AT_HAND, module ?? {}, limits)
      lane.connect(connection)
      lane.onDown = (error, loss, worker) => this.#down(index, error, loss, worker)
      return lane
    })
    const core = options.workers[0]?.core ?? ''
    if (!runSync) return
    if (module === undefined) {
      this.doRunSync = (request) => this.#runSyncElsewhere(request)
      return
    }
    const sync = new SyncRunner(() => module.open(config, loaded.shared, { index: -1, core }), options.logger)
    this.#sync = sync
    this.doRunSync = (request) => sync.run(request)
  }

  get memory() {
    return this.workers.memory
  }

  get inputs() {
    return this.loaded.inputs
  }

  get outputs() {
    return this.loaded.outputs
  }

  get outputShapes() {
    return this.loaded.outputShapes
  }

  doSubscribe(listener: (event: DeviceEvent) => void): void {
    this.#listener = listener
    for (const event of this.#early.splice(0)) listener(event)
  }

  doRun(run: DriverRun): void {
    this.#laneOf(run).start(run)
  }

  doRecall(run: DriverRun): boolean {
    return this.#laneOf(run).recall(run)
  }

  doCancel(run: DriverRun): void {
    try {
      this.#laneOf(run).cancel(run)
    } catch (cause) {
      const error = HalError.from(cause)
      this.options.logger('warn', `job ${run.job} could not be cancelled`, { error })
    }
  }

  doClose(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #laneOf({ lane }: DriverRun): WorkerLane {
    return this.lanes[lane] as WorkerLane
  }

  #runSyncElsewhere(request: SyncRequest): RunAnswer {
    const connection = this.lanes.find(({ connection }) => connection !== undefined)?.connection
    const { worker } = connection ?? {}
    if (connection === undefined || worker?.runSync === undefined) {
      throw new HalError('HAL_DEVICE_LOST', 'no worker is there for runSync; one is being started')
    }
    return worker.runSync(connection, request, this.options.limits?.run)
  }

  async #close(): Promise<void> {
    this.#over.abort()
    // Nobody waits for a run that is still in flight: a process that executes it can be killed, a thread cannot.
    const killAll = () => {
      for (const { worker } of this.lanes) worker?.giveUp('its engine is closed')
    }
    const timer = this.workers.module === undefined ? setTimeout(killAll, CLOSING_PATIENCE_MS) : undefined
    await Promise.all([...this.lanes.map((lane) => lane.drained()), ...this.#repairs])
    clearTimeout(timer)
    for (const lane of this.lanes) lane.end()
    const workers = [...this.lanes.flatMap(({ worker }) => worker ?? []), ...this.#unrepaired]
    // Who was left behind may still use what it shares.
    const shared = this.#stuck.size === 0 ? this.loaded : undefined
    if (shared === undefined) void this.#unloadLate()
    const freeWorkers = () => free(workers, this.options, this.workers, shared)
    await freeAll([() => this.#sync?.close(), freeWorkers, () => this.workers.close()], this.options.logger)
  }

  async #unloadLate(): Promise<void> {
    await Promise.all([...this.#stuck].map(({ exited }) => exited))
    const unload = () => this.workers.module?.unload?.(this.loaded.shared)
    await freeAll([unload], this.options.logger).catch(() => {})
  }

  #down(index: number, error: HalError, loss: Loss, worker: RemoteWorker): void {
    if (this.#over.signal.aborted) {
      if (loss === 'runner') this.#unrepaired.push(worker)
      return
    }
    if (loss === 'stuck') this.#leaveBehind(worker)
    if (loss === 'fatal' || this.#stuck.size > MAX_STUCK) {
      this.#lose(error)
      return
    }
    this.#listener({ kind: 'lost', error, lane: index })
    const repaired = this.#repair(index, worker).finally(() => this.#repairs.delete(repaired))
    this.#repairs.add(repaired)
  }

  /** Opens another runner for a lane, on its worker where that is alive. */
  async #repair(index: number, last: RemoteWorker): Promise<void> {
    const lane = this.lanes[index] as WorkerLane
    const { options, workers, loaded } = this
    let worker = last
    const open = async () => {
      try {
        await commandIfAlive(worker, { kind: 'close' }, { limit: options.limits?.close })
        if (worker.lost !== undefined) {
          worker = workers.start(last.worker)
          if (workers.module === undefined) await load(worker, options, workers)
        }
        return await connect(worker, options, workers, loaded)
      } catch (error) {
        if (worker.lost !== undefined) this.#leaveBehind(worker)
        if (this.#stuck.size > MAX_STUCK && !this.#over.signal.aborted) this.#lose(HalError.from(error))
        throw error
      }
    }
    try {
      lane.connect(await repair(open, lane.uselessWorkers, this.#over.signal, options.logger))
      if (!this.#over.signal.aborted) this.#listener({ kind: 'recovered', lane: index })
    } catch (cause) {
      // Where it never came to an attempt, the runner that was lost is still open.
      const close = () => commandIfAlive(worker, { kind: 'close' }, { limit: options.limits?.close })
      await freeAll([close, () => worker.end()], options.logger).catch(() => {})
      if (!this.#over.signal.aborted) this.#lose(HalError.from(cause))
    }
  }

  #lose(error: HalError): void {
    this.#over.abort()
    this.#listener({ kind: 'lost', error })
  }

  #leaveBehind(worker: RemoteWorker): void {
    this.#stuck.add(worker)
    void worker.exited.then(() => this.#stuck.delete(worker))
  }
}
