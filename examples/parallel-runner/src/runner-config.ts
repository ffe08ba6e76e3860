import type { EngineOptions } from '@xpu-hal/core'
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
