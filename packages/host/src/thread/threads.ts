import type { Logger } from '@xpu-hal/core/backend'
import type { RunnerModule, WorkerInfo } from '../runner.js'
import type { RemoteWorker } from '../worker/remote-worker.js'
import type { Workers } from '../workers.js'
import { mailable } from './model.js'
import { giveBackThread, takeThread } from './pool.js'
import type { WorkerThread } from './worker-thread.js'

/** Worker threads: they share one process with the application, and one loaded model. */
export class Threads implements Workers {
  readonly memory = 'shared'
  readonly mail = mailable

  constructor(
    private readonly url: URL,
    readonly module: RunnerModule,
    private readonly logger: Logger,
  ) {}

  start(worker: WorkerInfo): RemoteWorker {
    return takeThread(this.url.href, worker, this.logger)
  }

  async release(threads: readonly RemoteWorker[], failed: boolean): Promise<void> {
    const release = (thread: RemoteWorker) => (failed ? thread.end() : giveBackThread(thread as WorkerThread))
    await Promise.all(threads.map(release))
  }

  close(): void {}
}
