import { availableParallelism } from 'node:os'
import type { Engine, EngineOptions } from '@xpu-hal/core'
import type { Arguments } from './arguments.js'

/** What MindSpore Lite's `RunnerConfig` says, as options of an engine. */
export function runnerOptions({ workers, threadsPerWorker, maxWaiting, backend }: Arguments): EngineOptions {
  return {
    devices: [backend],
    workers,
    ...(threadsPerWorker !== undefined && { threadsPerWorker }),
    maxWaiting,
    warmUp: 1,
  }
}

/** A warning where the threads of all workers together exceed the cores of the machine. */
export function overcommitment({ device, options }: Engine): string | undefined {
  const cores = availableParallelism()
  const [workers, threads] = [Number(options.workers), Number(options.threadsPerWorker ?? 1)]
  if (device.kind !== 'cpu' || workers * threads <= cores) return undefined
  return `warning: ${workers} workers with ${threads} threads each are more than the ${cores} cores of this machine`
}
