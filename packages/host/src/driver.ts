import { setMaxListeners } from 'node:events'
import {
  type DeviceEvent,
  type DriverRun,
  type EngineDriver,
  HalError,
  type RunAnswer,
  type SyncRequest,
} from '@xpu-hal/core/backend'
import type { Common } from './common.js'
import { AT_HAND, connect, free, load } from './connect.js'
import { freeAll } from './free.js'
import { type Connection, WorkerLane } from './lane.js'
import { ModelInUse } from './model-in-use.js'
import type { HostOptions } from './options.js'
import { repair } from './repair.js'
import { SyncRunner } from './sync-runner.js'
import { commandIfAlive } from './worker/commands.js'
import type { Loss, RemoteWorker } from './worker/remote-worker.js'
import type { Workers } from './workers.js'

/** Milliseconds that a worker process gets for runs that were given up on when its engine closes. */
const CLOSING_PATIENCE_MS = 1_000
/** Workers that the engines of a loaded model leave behind inside native calls, at most: each keeps its memory. */
const MAX_STUCK = 16

/** One worker for each entry of `options.workers`. */
export async function workerDriver(
  options: HostOptions<unknown>,
  workers: Workers,
  like: Common | undefined,
): Promise<WorkerDriver> {
  const started: RemoteWorker[] = []
  let shared: ModelInUse | undefined
  try {
    shared = like?.model?.join()
    for (const [index, { core }] of options.workers.entries()) started.push(workers.start({ index, core }))
    const [first, ...others] = started as [RemoteWorker, ...RemoteWorker[]]
    const model = shared ?? new ModelInUse(await load(first, options, workers))
    shared = model
    const open = async (worker: RemoteWorker) => {
      if (worker !== first && workers.module === undefined) await load(worker, options, workers)
      return connect(worker, options, workers, model.value)
    }
    const opened = await Promise.allSettled([first, ...others].map(open))
    const connections = opened.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    // One may have died while others were opening.
    const lost = started.find((worker) => worker.lost !== undefined)?.lost
    if (lost !== undefined) throw lost
    return new WorkerDriver(options, workers, model, like !== undefined, connections)
  } catch (error) {
    await free(started, options, workers, shared).catch(() => {})
    workers.close()
    throw HalError.from(error)
  }
}

class WorkerDriver implements EngineDriver {
  readonly keepsModel: boolean
  readonly sharesWeights: boolean
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
  #closed: Promise<void> | undefined

  constructor(
    private readonly options: HostOptions<unknown>,
    private readonly workers: Workers,
    readonly model: ModelInUse,
    joined: boolean,
    connections: readonly Connection[],
  ) {
    // Every lane that waits to be repaired listens to it.
    setMaxListeners(0, this.#over.signal)
    const { config, depth = 1, limits = {}, runSync = true } = options
    const { module } = workers
    this.keepsModel = 'like' in options
    this.sharesWeights = joined && (options.sharesWeights ?? module !== undefined)
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
    const sync = new SyncRunner(
      () => module.open(config, model.value.shared, { index: -1, core }),
      options.logger,
    )
    this.#sync = sync
    this.doRunSync = (request) => sync.run(request)
  }

  get memory() {
    return this.workers.memory
  }

  get inputs() {
    return this.model.value.inputs
  }

  get outputs() {
    return this.model.value.outputs
  }

  get outputShapes() {
    return this.model.value.outputShapes
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
    const freeWorkers = () => free(workers, this.options, this.workers, this.model)
    await freeAll([() => this.#sync?.close(), freeWorkers, () => this.workers.close()], this.options.logger)
  }

  #down(index: number, error: HalError, loss: Loss, worker: RemoteWorker): void {
    if (this.#over.signal.aborted) {
      if (loss === 'runner') this.#unrepaired.push(worker)
      return
    }
    if (loss === 'stuck') this.model.leaveBehind(worker)
    if (loss === 'fatal' || this.model.stuck > MAX_STUCK) {
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
    const { options, workers, model } = this
    let worker = last
    const open = async () => {
      try {
        await commandIfAlive(worker, { kind: 'close' }, { limit: options.limits?.close })
        if (worker.lost !== undefined) {
          worker = workers.start(last.worker)
          if (workers.module === undefined) await load(worker, options, workers)
        }
        return await connect(worker, options, workers, model.value)
      } catch (error) {
        if (worker.lost !== undefined) model.leaveBehind(worker)
        if (model.stuck > MAX_STUCK && !this.#over.signal.aborted) this.#lose(HalError.from(error))
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
}
