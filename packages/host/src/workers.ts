import type { EngineDriver, Model } from '@xpu-hal/core/backend'
import type { WorkerInfo } from './runner.js'
import type { ModelMessage } from './worker/message.js'
import type { RemoteWorker } from './worker/remote-worker.js'

/** Where the workers of an engine come from. */
export interface Workers {
  readonly memory: EngineDriver['memory']
  /** Whether the model that one worker has loaded serves all of them; else each loads it for itself. */
  readonly shareModel: boolean
  start(worker: WorkerInfo): RemoteWorker
  /** The model as it is sent to a worker. `transfer`: what the worker takes over instead of getting a copy. */
  mail(model: Model): Promise<{ readonly model: ModelMessage; readonly transfer?: readonly ArrayBuffer[] }>
  /** Takes back workers whose runners are closed; `failed`: something went wrong with that. */
  release(workers: readonly RemoteWorker[], failed: boolean): Promise<void>
  /** Frees what they shared. */
  close(): void
}
