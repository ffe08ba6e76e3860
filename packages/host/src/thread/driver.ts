import {
  type DeviceEvent,
  type DriverRun,
  type EngineDriver,
  HalError,
  type RunAnswer,
  type SyncRequest,
} from '@xpu-hal/core/backend'
import { freeAll } from '../free.js'
import { importRunner } from '../module.js'
import type { HostOptions } from '../options.js'
import { repair } from '../repair.js'
import type { LoadedModel, RunnerModule } from '../runner.js'
import { SyncRunner } from '../sync-runner.js'
import { exitWith } from './exit.js'
import { type Connection, ThreadLane } from './lane.js'
import { mailable } from './model.js'
import { Outbox } from './outbox.js'
import { giveBackThread, takeThread } from './pool.js'
import { Slots } from './slots.js'
import type { Loss, WorkerThread } from './worker-thread.js'

/** One run more than the runner has in its hands is there for it to take, so that it never waits for the event loop. */
const AT_HAND = 1
/** Threads that an engine leaves behind inside native calls, at most: each keeps its memory. */
const MAX_STUCK = 16

/** One worker thread for each entry of `workers`; the first one loads the model for all of them. */
export async function threadDriver<Config>(options: HostOptions<Config>): Promise<EngineDriver> {
  // For `cancel`, `runSync` and the like; first, so that what is wrong with it shows before anything is loaded.
  const module = await importRunner(options.module.href)
  exitWith(module.exitProcess)
  const threads: WorkerThread[] = []
  let loaded: LoadedModel<unknown> | undefined
  try {
    for (const index of options.workers.keys()) threads.push(startThread(options, index))
    const loader = threads[0] as WorkerThread
    const { model, transfer } = await mailable(options.model)
    const { config, limits: { open: limit } = {} } = options
    const load = { kind: 'load', config, model } as const
    const loadedModel = await loader.command<LoadedModel<unknown>>(load, { transfer, limit })
    loaded = loadedModel
    const opened = await Promise.allSettled(threads.map((thread) => connect(thread, options, loadedModel)))
    const connections = opened.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    // One may have died while others were opening.
    const lost = threads.find((thread) => thread.lost !== undefined)?.lost
    if (lost !== undefined) throw lost
    return new ThreadDriver(options, module, loadedModel, connections)
  } catch (error) {
    await freeThreads(threads, options, module, loaded).catch(() => {})
    throw HalError.from(error)
  }
}

class ThreadDriver implements EngineDriver {
  readonly memory = 'shared'
  readonly lanes: readonly ThreadLane[]
  readonly doRunSync?: (request: SyncRequest) => RunAnswer
  readonly #sync: SyncRunner
  /** Aborts when it is closed or lost for good: nothing is repaired then. */
  readonly #over = new AbortController()
  readonly #repairs = new Set<Promise<void>>()
  /** Their runners were lost when nothing was repaired any more. */
  readonly #unrepaired: WorkerThread[] = []
  #listener: (event: DeviceEvent) => void = () => {}
  /** Threads that are inside native calls and were left behind. */
  readonly #stuck = new Set<WorkerThread>()
  #closed: Promise<void> | undefined

  constructor(
    private readonly options: HostOptions<unknown>,
    private readonly module: RunnerModule,
    private readonly loaded: LoadedModel<unknown>,
    connections: readonly Connection[],
  ) {
    const { config, workers, depth = 1, limits = {} } = options
    this.lanes = connections.map((connection, index) => {
      const lane = new ThreadLane(connection.thread.worker.core, depth + AT_HAND, module, limits)
      lane.connect(connection)
      lane.onDown = (error, loss, thread) => this.#down(index, error, loss, thread)
      return lane
    })
    const core = workers[0]?.core ?? ''
    if (options.runSync !== false) this.doRunSync = (request) => this.#sync.run(request)
    this.#sync = new SyncRunner(() => module.open(config, loaded.shared, { index: -1, core }))
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

  #laneOf({ lane }: DriverRun): ThreadLane {
    return this.lanes[lane] as ThreadLane
  }

  async #close(): Promise<void> {
    this.#over.abort()
    await Promise.all([...this.lanes.map((lane) => lane.drained()), ...this.#repairs])
    for (const lane of this.lanes) lane.end()
    const threads = [...this.lanes.flatMap(({ thread }) => thread ?? []), ...this.#unrepaired]
    await freeAll(
      [() => this.#sync.close(), () => freeThreads(threads, this.options, this.module, this.loaded)],
      this.options.logger,
    )
  }

  #down(index: number, error: HalError, loss: Loss, thread: WorkerThread): void {
    if (this.#over.signal.aborted) {
      if (loss === 'runner') this.#unrepaired.push(thread)
      return
    }
    if (loss === 'stuck') this.#leaveBehind(thread)
    // What a thread that ended held of the runtime is in an unknown state, also for the others.
    if (loss === 'ended' || this.#stuck.size > MAX_STUCK) {
      this.#lose(error)
      return
    }
    this.#listener({ kind: 'lost', error, lane: index })
    const repaired = this.#repair(index, thread).finally(() => this.#repairs.delete(repaired))
    this.#repairs.add(repaired)
  }

  /** Opens another runner for a lane, on its thread where that is alive. */
  async #repair(index: number, last: WorkerThread): Promise<void> {
    const lane = this.lanes[index] as ThreadLane
    let thread = last
    const open = async () => {
      try {
        await thread.commandIfAlive({ kind: 'close' }, { limit: this.options.limits?.close })
        if (thread.lost !== undefined) thread = startThread(this.options, index)
        return await connect(thread, this.options, this.loaded)
      } catch (error) {
        if (thread.lost !== undefined) this.#leaveBehind(thread)
        if (this.#stuck.size > MAX_STUCK && !this.#over.signal.aborted) this.#lose(HalError.from(error))
        throw error
      }
    }
    try {
      lane.connect(await repair(open, this.#over.signal, this.options.logger))
      if (!this.#over.signal.aborted) this.#listener({ kind: 'recovered', lane: index })
    } catch (cause) {
      await thread.end()
      if (!this.#over.signal.aborted) this.#lose(HalError.from(cause))
    }
  }

  #lose(error: HalError): void {
    this.#over.abort()
    this.#listener({ kind: 'lost', error })
  }

  #leaveBehind(thread: WorkerThread): void {
    this.#stuck.add(thread)
    void thread.exited.then(() => this.#stuck.delete(thread))
  }
}

function startThread(
  { module, workers, depth = 1, logger }: HostOptions<unknown>,
  index: number,
): WorkerThread {
  const thread = takeThread(module.href, depth + AT_HAND, logger)
  thread.worker = { index, core: workers[index]?.core ?? '' }
  return thread
}

/** Opens a runner on a thread. */
async function connect(
  thread: WorkerThread,
  { config, depth = 1, limits = {} }: HostOptions<unknown>,
  { inputs, outputs, shared }: LoadedModel<unknown>,
): Promise<Connection> {
  const slots = Slots.allocate(thread.control, inputs.length + outputs.length)
  const inputNames = inputs.map(({ name }) => name)
  const { worker } = thread
  const open = { kind: 'open', worker, config, shared, inputNames, outputs: outputs.length, depth } as const
  const cancelToken = await thread.command<bigint | undefined>(
    { ...open, slots: slots.buffer },
    { limit: limits.open },
  )
  return { thread, slots, outbox: new Outbox(thread, slots, inputs.length > 0), cancelToken }
}

/**
 * Closes every runner on its own thread, unloads the model on the first of them, and lets the threads serve another engine,
 * or end where something went wrong.
 * @param module unloads the model here, where no thread is left to do it
 */
async function freeThreads(
  threads: readonly WorkerThread[],
  { limits: { close: limit } = {}, logger }: HostOptions<unknown>,
  { unload }: RunnerModule,
  loaded: LoadedModel<unknown> | undefined,
): Promise<void> {
  const close = threads.map((thread) => () => thread.commandIfAlive({ kind: 'close' }, { limit }))
  const unloadModel = () => {
    if (loaded === undefined) return
    const alive = threads.find((thread) => thread.lost === undefined)
    if (alive === undefined) return unload?.(loaded.shared)
    return alive.command({ kind: 'unload', shared: loaded.shared }, { limit })
  }
  try {
    await freeAll([...close, unloadModel], logger)
  } catch (error) {
    await Promise.all(threads.map((thread) => thread.end()))
    throw error
  }
  await Promise.all(threads.map(giveBackThread))
}
