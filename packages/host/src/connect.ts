import { freeAll } from './free.js'
import type { Connection } from './lane.js'
import type { ModelInUse } from './model-in-use.js'
import type { HostOptions } from './options.js'
import type { LoadedModel } from './runner.js'
import { commandIfAlive } from './worker/commands.js'
import type { SharedModel } from './worker/message.js'
import { Outbox } from './worker/outbox.js'
import type { RemoteWorker } from './worker/remote-worker.js'
import type { Workers } from './workers.js'

/** One run more than the runner has in its hands is there for it to take, so that it never waits for the event loop. */
export const AT_HAND = 1

/** Loads the model on a worker: for all of them, or where they do not share it for this one. */
export async function load(
  worker: RemoteWorker,
  { config, model, limits }: HostOptions<unknown>,
  workers: Workers,
): Promise<LoadedModel<unknown>> {
  const { message, transfer = [], done } = await workers.mail(model)
  const command = { kind: 'load', config, model: message, keep: workers.module === undefined } as const
  try {
    return await worker.command(command, { transfer, limit: limits?.open })
  } finally {
    done?.()
  }
}

/** Opens a runner on a worker. */
export async function connect(
  worker: RemoteWorker,
  { config, depth = 1, limits }: HostOptions<unknown>,
  { module }: Workers,
  { inputs, outputs, shared }: LoadedModel<unknown>,
): Promise<Connection> {
  const slots = worker.allocateSlots(depth + AT_HAND + worker.syncSlots, inputs.length + outputs.length)
  const cancelToken = await worker.command<bigint | undefined>(
    {
      kind: 'open',
      worker: worker.worker,
      config,
      model: module && { shared },
      inputNames: inputs.map(({ name }) => name),
      outputs: outputs.length,
      depth,
      slots: worker.slotsMessage(slots),
    },
    { limit: limits?.open },
  )
  return {
    worker,
    slots,
    outbox: new Outbox(worker, slots, inputs.length > 0),
    cancelToken: module && cancelToken,
  }
}

/**
 * Closes every runner on its own worker, unloads the model where nobody else uses it (one that they share on the first of
 * them, or when those have come back that were left behind), and gives the workers back.
 */
export async function free(
  started: readonly RemoteWorker[],
  { limits: { close: limit } = {}, logger }: HostOptions<unknown>,
  workers: Workers,
  model: ModelInUse | undefined,
): Promise<void> {
  const close = started.map((worker) => () => commandIfAlive(worker, { kind: 'close' }, { limit }))
  const notice = () => {
    // A call to close may have been one that did not come back.
    for (const worker of started) if (worker.lost !== undefined) model?.leaveBehind(worker)
  }
  const unload = () => {
    const { module } = workers
    if (module === undefined) return Promise.all(started.map((worker) => unloadOn(worker, undefined, limit)))
    if (model?.leave() !== true) return
    const { shared } = model.value
    const here = () => module.unload?.(shared)
    if (model.stuck > 0) {
      void model.unstuck().then(() => freeAll([here], logger).catch(() => {}))
      return
    }
    const alive = started.find((worker) => worker.lost === undefined)
    return alive === undefined ? here() : unloadOn(alive, { shared }, limit)
  }
  let failed = true
  try {
    await freeAll([...close, notice, unload], logger)
    failed = false
  } finally {
    await workers.release(started, failed)
  }
}

function unloadOn(worker: RemoteWorker, model: SharedModel | undefined, limit: number | undefined) {
  return commandIfAlive(worker, { kind: 'unload', model }, { limit })
}
