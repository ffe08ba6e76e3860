import { type DriverRun, type EngineDriver, HalError, type Logger } from '@xpu-hal/core/backend'
import { freeAll } from '../free.js'
import { importRunner } from '../module.js'
import type { HostOptions } from '../options.js'
import type { LoadedModel, RunnerModule } from '../runner.js'
import { SyncRunner } from '../sync-runner.js'
import { ThreadLane } from './lane.js'
import { mailable } from './model.js'
import { Slots } from './slots.js'
import { WorkerThread } from './worker-thread.js'

/** One run more than the runner has in its hands is there for it to take, so that it never waits for the event loop. */
const AT_HAND = 1

/** One worker thread for each entry of `workers`; the first one loads the model for all of them. */
export async function threadDriver<Config>(options: HostOptions<Config>): Promise<EngineDriver> {
  const module = options.module.href
  const slots = (options.depth ?? 1) + AT_HAND
  const threads: WorkerThread[] = []
  try {
    for (const [index, { core }] of options.workers.entries()) {
      threads.push(new WorkerThread({ module, index, core }, slots, options.logger))
    }
    return await openOn(threads, options)
  } catch (error) {
    await freeThreads(threads, options.logger).catch(() => {})
    throw HalError.from(error)
  }
}

async function openOn<Config>(
  threads: readonly WorkerThread[],
  options: HostOptions<Config>,
): Promise<EngineDriver> {
  const { config, model, module: url, logger } = options
  const loader = threads[0] as WorkerThread
  const { model: posted, transfer } = await mailable(model)
  const loaded = await loader.command<LoadedModel<unknown>>({ kind: 'load', config, model: posted }, transfer)
  // For `cancel` and `runSync`; imported now, so that what is wrong with it shows now.
  const module = await importRunner(url.href)
  const opened = await Promise.allSettled(threads.map((thread) => openLane(thread, options, loaded, module)))
  const lanes = opened.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
  // One may have died while others were opening.
  const lost = threads.find((thread) => thread.lost !== undefined)?.lost
  if (lost !== undefined) throw lost
  const core = loader.core
  const sync = new SyncRunner(() => module.open(config, loaded.shared, { index: -1, core }))
  const laneOf = (lane: number) => lanes[lane] as ThreadLane
  let closed: Promise<void> | undefined
  const { inputs, outputs, outputShapes } = loaded
  return {
    inputs,
    outputs,
    outputShapes,
    memory: 'shared',
    lanes,
    // The others would go on, but what the lost thread held of the runtime is in an unknown state.
    doSubscribe: (listener) => {
      for (const thread of threads) thread.onLost = (error) => listener({ kind: 'lost', error })
    },
    doRun: (run) => laneOf(run.lane).start(run),
    doRunSync: (request) => sync.run(request),
    doRecall: (run) => laneOf(run.lane).recall(run),
    doCancel: (run) => cancel(module, laneOf(run.lane), run, logger),
    doClose: () => {
      closed ??= Promise.all(lanes.map((lane) => lane.drained())).then(() =>
        freeAll([() => sync.close(), () => freeThreads(threads, logger)], logger),
      )
      return closed
    },
  }
}

async function openLane(
  thread: WorkerThread,
  { config, depth = 1 }: HostOptions<unknown>,
  { inputs, outputs, shared }: LoadedModel<unknown>,
  { borrow }: RunnerModule,
): Promise<ThreadLane> {
  const slots = Slots.allocate(thread.control, inputs.length + outputs.length)
  const cancelToken = await thread.command<bigint | undefined>({
    kind: 'open',
    config,
    shared,
    inputNames: inputs.map((input) => input.name),
    outputs: outputs.length,
    depth,
    slots: slots.buffer,
  })
  return new ThreadLane(thread, slots, cancelToken, inputs.length > 0, borrow)
}

function cancel(module: RunnerModule, lane: ThreadLane, run: DriverRun, logger: Logger): void {
  if (module.cancel === undefined) return
  try {
    lane.cancel(run, module.cancel)
  } catch (cause) {
    logger('warn', `job ${run.job} could not be cancelled`, { error: HalError.from(cause) })
  }
}

/** Closes every runner on its own thread, unloads the model on the thread that loaded it, and lets all threads end. */
function freeThreads(threads: readonly WorkerThread[], logger: Logger): Promise<void> {
  const close = threads.map((thread) => () => thread.commandIfAlive({ kind: 'close' }))
  const unload = () => threads[0]?.commandIfAlive({ kind: 'unload' })
  const end = () => Promise.all(threads.map((thread) => thread.end()))
  return freeAll([...close, unload, end], logger)
}
