import type { LoadedModel } from './runner.js'
import { Shared } from './shared.js'
import type { RemoteWorker } from './worker/remote-worker.js'

/** A loaded model, with the workers of its drivers that are inside native calls and were left behind: they may still use it. */
export class ModelInUse extends Shared<LoadedModel<unknown>> {
  readonly #stuck = new Set<RemoteWorker>()

  get stuck(): number {
    return this.#stuck.size
  }

  leaveBehind(worker: RemoteWorker): void {
    this.#stuck.add(worker)
    void worker.exited.then(() => this.#stuck.delete(worker))
  }

  /** Resolves when those that are left behind now have come back; perhaps never. */
  async unstuck(): Promise<void> {
    await Promise.all([...this.#stuck].map(({ exited }) => exited))
  }
}
