import { Worker } from 'node:worker_threads'
import { HalError, type Logger } from '@xpu-hal/core/backend'
import { decodeError } from '../error.js'
import type { Answer, Command, Mail, SlotAnswer, WorkerSeed } from './message.js'
import { createControl, Word } from './slots.js'

/** Takes the answers to runs: `undefined` is a doorbell. */
export interface AnswerListener {
  onAnswer(answer?: SlotAnswer): void
  onLost(error: HalError): void
}

/** One worker thread, as main sees it: its birth, its commands, its end. */
export class WorkerThread {
  readonly core: string
  readonly control: Int32Array
  listener?: AnswerListener
  /** Told after the listener. */
  onLost?: (error: HalError) => void
  readonly #worker: Worker
  readonly #exited: Promise<unknown>
  #lost: HalError | undefined
  #pending: { resolve(value: unknown): void; reject(error: Error): void } | undefined
  #ending = false

  constructor(
    seed: Omit<WorkerSeed, 'control'>,
    slots: number,
    readonly logger: Logger,
  ) {
    this.core = seed.core
    this.control = createControl(slots)
    const workerData: WorkerSeed = { ...seed, control: this.control }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      name: `xpu-hal ${seed.core}`,
    })
    let failure: unknown
    this.#worker.on('message', (answer: Answer) => this.#onMessage(answer))
    this.#worker.on('error', (error) => {
      failure = error
    })
    this.#exited = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.on('exit', (code) => this.#onExit(seed, code, failure))
  }

  /** Set once the thread has ended without being told to. */
  get lost(): HalError | undefined {
    return this.#lost
  }

  /**
   * Sends a command and waits for the reply.
   * @throws what the worker threw; HAL_DEVICE_LOST when the thread ends instead.
   */
  async command<T>(command: Command, transfer?: readonly ArrayBuffer[]): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#pending = { resolve, reject }
    })
    this.keepProcess(true)
    try {
      this.post(command, transfer)
      this.wake()
      return (await reply) as T
    } finally {
      this.#pending = undefined
      this.keepProcess(false)
    }
  }

  /** The same, but nothing where the thread is lost and with it all that it held. */
  async commandIfAlive(command: Command): Promise<void> {
    try {
      await this.command(command)
    } catch (error) {
      if (this.#lost === undefined) throw error
    }
  }

  /** Tells the thread to end, and waits until it has. */
  async end(): Promise<void> {
    if (this.#lost !== undefined) return
    this.#ending = true
    this.keepProcess(true)
    this.post({ kind: 'end' })
    this.wake()
    await this.#exited
  }

  /** Does not wake the worker. */
  post(mail: Mail, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(mail, transfer)
    Atomics.add(this.control, Word.mail, 1)
  }

  wake(): void {
    Atomics.add(this.control, Word.wake, 1)
    Atomics.notify(this.control, Word.wake)
  }

  /** Whether the thread keeps the process alive. */
  keepProcess(keep: boolean): void {
    if (keep) this.#worker.ref()
    else this.#worker.unref()
  }

  #onMessage(answer: Answer): void {
    if (answer === 0) {
      Atomics.store(this.control, Word.bell, 0)
      this.listener?.onAnswer()
    } else if (answer.kind !== 'reply') {
      this.listener?.onAnswer(answer)
    } else if (answer.error === undefined) {
      this.#pending?.resolve(answer.value)
    } else {
      this.#pending?.reject(decodeError(answer.error))
    }
  }

  #onExit(seed: { index: number; core: string }, code: number, cause: unknown): void {
    if (this.#ending) return
    const why = cause instanceof Error ? cause.message : `exit code ${code}`
    const message = `worker thread ${seed.index} of core ${seed.core} has ended unexpectedly: ${why}`
    this.#lost = new HalError('HAL_DEVICE_LOST', message, cause === undefined ? {} : { cause })
    this.logger('error', message, { error: this.#lost })
    this.#pending?.reject(this.#lost)
    this.listener?.onLost(this.#lost)
    this.onLost?.(this.#lost)
  }
}
