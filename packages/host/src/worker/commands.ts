import type { HalError } from '@xpu-hal/core/backend'
import type { Command } from './message.js'
import type { CommandOptions, RemoteWorker } from './remote-worker.js'

/** For messages. */
const steps: Readonly<Record<Command['kind'], string>> = {
  load: 'loading the model',
  open: 'starting the runtime with the model',
  close: 'ending the runtime',
  unload: 'unloading the model',
  rest: 'letting go of the engine',
  end: 'ending the worker',
}

/** The command that a worker has in its hands. */
export class PendingCommand {
  #settle: { resolve(value: unknown): void; reject(error: Error): void } | undefined

  /** As `command` of the worker. */
  async send<T>(
    worker: RemoteWorker,
    command: Command,
    { transfer, limit }: CommandOptions = {},
  ): Promise<T> {
    if (worker.lost !== undefined) throw worker.lost
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    worker.keepProcess(true)
    const tooLate = () => worker.giveUp(`${steps[command.kind]} took longer than ${limit} ms`)
    const timer = limit === undefined ? undefined : setTimeout(tooLate, limit)
    try {
      worker.post(command, transfer)
      worker.wake()
      return (await reply) as T
    } finally {
      clearTimeout(timer)
      this.#settle = undefined
      worker.keepProcess(false)
    }
  }

  resolve(value: unknown): void {
    this.#settle?.resolve(value)
  }

  reject(error: HalError | Error): void {
    this.#settle?.reject(error)
  }
}

/** Nothing where the worker was lost before, and with it all that it held. */
export async function commandIfAlive(
  worker: RemoteWorker,
  command: Command,
  options?: CommandOptions,
): Promise<void> {
  if (worker.lost === undefined) await worker.command(command, options)
}
