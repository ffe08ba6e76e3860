import { copyInPieces, type Logger, type Model, type TensorMemory } from '@xpu-hal/core/backend'
import type { Common } from '../common.js'
import type { HostOptions } from '../options.js'
import type { WorkerInfo } from '../runner.js'
import { Shared } from '../shared.js'
import type { RemoteWorker } from '../worker/remote-worker.js'
import type { MailedModel, Workers } from '../workers.js'
import { Arena } from './arena.js'
import { WorkerProcess } from './worker-process.js'

/** Worker processes: each loads the model for itself, and dies alone. Tensors lie in an arena that all of them map. */
class Processes implements Workers {
  readonly memory: TensorMemory

  constructor(
    readonly arena: Shared<Arena>,
    private readonly url: URL,
    private readonly env: readonly string[],
    private readonly logger: Logger,
  ) {
    this.memory = {
      allocate: (byteLength) => arena.value.allocate(byteLength),
      reaches: (buffer) => arena.value.offsetOf(buffer) !== undefined,
    }
  }

  start(worker: WorkerInfo): RemoteWorker {
    return new WorkerProcess(this.arena.value, this.url, worker, this.env, this.logger)
  }

  async mail(model: Model): Promise<MailedModel> {
    if (model.kind === 'file') return { message: model }
    const { name, bytes } = model
    const arena = this.arena.value
    let buffer: ArrayBuffer | undefined = arena.allocate(bytes.length)
    await copyInPieces(bytes, new Uint8Array(buffer))
    const address = arena.offsetOf(buffer) as number
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
    if (this.arena.leave()) this.arena.value.close()
  }
}

/**
 * With the arena of a driver that is open, where there is one.
 * @throws HalError HAL_UNIMPLEMENTED elsewhere than on Linux; HAL_RESOURCE_EXHAUSTED
 */
export function createProcesses(
  { module, env = [], logger }: HostOptions<unknown>,
  like: Common | undefined,
): Processes {
  const arena = like?.processes?.arena.join() ?? new Shared(Arena.create())
  return new Processes(arena, module, env, logger)
}

/** The model as processes that are started later can load it too: the caller may change the bytes once the first have. */
export async function ownModel(model: Model): Promise<Model> {
  if (model.kind === 'file') return model
  const bytes = new Uint8Array(model.bytes.length)
  await copyInPieces(model.bytes, bytes)
  return { ...model, bytes }
}
