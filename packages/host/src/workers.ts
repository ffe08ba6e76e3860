import type { EngineDriver, Model } from '@xpu-hal/core/backend'
import type { RunnerModule, WorkerInfo } from './runner.js'
import type { ModelMessage } from './worker/message.js'
import type { RemoteWorker } from './worker/remote-worker.js'

/** Where the workers of an engine come from. */
export interface Workers {
  readonly memory: EngineDriver['memory']
  /**
   * The runner's module on the main thread, where the workers are in this process: then the model that one has loaded serves
   * all of them.
   */
  readonly module?: RunnerModule
  start(worker: WorkerInfo): RemoteWorker
  /** The model as it is sent to one worker. */
  mail(model: Model): Promise<MailedModel>
  /** Takes back workers whose runners are closed; `failed`: something went wrong with that. */
  release(workers: readonly RemoteWorker[], failed: boolean): Promise<void>
  /** Frees what they shared. */
  close(): void
}

export interface MailedModel {
  readonly message: ModelMessage
  /** What the worker takes over instead of getting a copy. */
  readonly transfer?: readonly ArrayBuffer[]
  /** To be called when the worker has loaded it. */
  readonly done?: () => void
}
