import type { Logger, Model, TensorMemory } from '@xpu-hal/core/backend'
import { copyInPieces } from '../copy.js'
import type { WorkerInfo } from '../runner.js'
import type { RemoteWorker } from '../worker/remote-worker.js'
import type { MailedModel, Workers } from '../workers.js'
import { Arena } from './arena.js'
import { WorkerProcess } from './worker-process.js'

/** Worker processes: each loads the model for itself, and dies alone. Tensors lie in an arena that all of them map. */
class Processes implements Workers {
  readonly memory: TensorMemory

  constructor(
    private readonly arena: Arena,
    private readonly url: URL,
    private readonly env: readonly string[],
    private readonly logger: Logger,
  ) {
    this.memory = {
      allocate: (byteLength) => arena.allocate(byteLength),
      reaches: (buffer) => arena.offsetOf(buffer) !== undefined,
    }
  }

  start(worker: WorkerInfo): RemoteWorker {
    return new WorkerProcess(this.arena, this.url, worker, this.env, this.logger)
  }

  async mail(model: Model): Promise<MailedModel> {
    if (model.kind === 'file') return { message: model }
    const { name, bytes } = model
    let buffer: ArrayBuffer | undefined = this.arena.allocate(bytes.length)
    await copyInPieces(bytes, new Uint8Array(buffer))
    const address = this.arena.offsetOf(buffer) as number
    return {
      message: { kind: 'mapped', name, address, byteOffset: 0, length: bytes.length },
      // Until then something has to hold it.
      done: () => {
        buffer = undefined
      },
    }
  }

  async release(processes: readonly RemoteWorker[]): Promise<void> {
    await Promise.all(processes.map((process) => process.end()))
  }

  close(): void {
    this.arena.close()
  }
}

/** @throws HalError HAL_UNIMPLEMENTED elsewhere than on Linux; HAL_RESOURCE_EXHAUSTED */
export function createProcesses(url: URL, env: readonly string[], logger: Logger): Workers {
  return new Processes(Arena.create(), url, env, logger)
}
