import type { HalError } from '@xpu-hal/core/backend'
import type { Command } from './message.js'

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

  /**
   * @param limit milliseconds after which `onLate` is told, which has to see to it that `reject` is called
   * @throws what `reject` gets
   */
  async send<T>(
    command: Command,
    limit: number | undefined,
    post: () => void,
    onLate: (why: string) => void,
  ): Promise<T> {
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    const tooLate = () => onLate(`${steps[command.kind]} took longer than ${limit} ms`)
    const timer = limit === undefined ? undefined : setTimeout(tooLate, limit)
    try {
      post()
      return (await reply) as T
    } finally {
      clearTimeout(timer)
      this.#settle = undefined
    }
  }

  resolve(value: unknown): void {
    this.#settle?.resolve(value)
  }

  reject(error: HalError | Error): void {
    this.#settle?.reject(error)
  }
}
