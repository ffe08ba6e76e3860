import { Worker } from 'node:worker_threads'
import { HalError, type Logger } from '@xpu-hal/core/backend'
import { decodeError } from '../error.js'
import type { WorkerInfo } from '../runner.js'
import { BufferIds } from './buffers.js'
import { watchExit } from './exit.js'
import type { Answer, Command, Mail, SlotAnswer, WorkerSeed } from './message.js'
import { createControl, Word } from './slots.js'

/**
 * Why a lane has lost its worker. `ended`: the thread is gone. `stuck`: it never came back from a call, and is left behind.
 * `runner`: the thread is well, its runner has to be opened anew.
 */
export type Loss = 'ended' | 'stuck' | 'runner'

/** Takes the answers to runs: `undefined` is a doorbell. */
export interface AnswerListener {
  onAnswer(answer?: SlotAnswer): void
  onLost(error: HalError, loss: Loss): void
}

/** For messages. */
const steps: Readonly<Record<Command['kind'], string>> = {
  load: 'loading the model',
  open: 'starting the runtime with the model',
  close: 'ending the runtime',
  unload: 'unloading the model',
  end: 'ending the thread',
}

/** One worker thread, as main sees it: its birth, its commands, its end. It serves one engine after the other. */
export class WorkerThread {
  readonly control: Int32Array
  /** The names of the buffers that it knows, whichever engine they belong to. */
  readonly buffers = new BufferIds(() => queueMicrotask(() => this.#tellDropped()))
  listener?: AnswerListener
  /** Whose place it has in its engine. */
  worker: WorkerInfo = { index: 0, core: '' }
  readonly #worker: Worker
  /** Resolves when the thread has ended, whatever became of it. */
  readonly exited: Promise<unknown>
  #lost: HalError | undefined
  #pending: { resolve(value: unknown): void; reject(error: Error): void } | undefined
  #ending = false

  constructor(
    /** URL of its runner module. */
    readonly module: string,
    readonly slots: number,
    public logger: Logger,
  ) {
    this.control = createControl(slots)
    const workerData: WorkerSeed = { module, control: this.control }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, name: 'xpu-hal' })
    let failure: unknown
    this.#worker.on('message', (answer: Answer) => this.#onMessage(answer))
    this.#worker.on('error', (error) => {
      failure = error
    })
    const forget = watchExit(this.control)
    this.exited = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.on('exit', (code) => {
      forget()
      this.#onExit(code, failure)
    })
  }

  /** Set once the thread has ended without being told to, or was given up. */
  get lost(): HalError | undefined {
    return this.#lost
  }

  /**
   * Sends a command and waits for the reply.
   * @param limit milliseconds after which the thread is given up
   * @throws what the worker threw; HAL_DEVICE_LOST when the thread ends or is given up instead.
   */
  async command<T>(command: Command, { transfer, limit }: CommandOptions = {}): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#pending = { resolve, reject }
    })
    this.keepProcess(true)
    const tooLate = () => this.giveUp(`${steps[command.kind]} took longer than ${limit} ms`)
    const timer = limit === undefined ? undefined : setTimeout(tooLate, limit)
    try {
      this.post(command, transfer)
      this.wake()
      return (await reply) as T
    } finally {
      clearTimeout(timer)
      this.#pending = undefined
      this.keepProcess(false)
    }
  }

  /** The same, but nothing where the thread was lost before and with it all that it held. */
  async commandIfAlive(command: Command, options?: CommandOptions): Promise<void> {
    if (this.#lost === undefined) await this.command(command, options)
  }

  /** Tells the thread to end, and waits until it has. */
  async end(): Promise<void> {
    if (this.#lost !== undefined) return
    this.#ending = true
    this.keepProcess(true)
    this.post({ kind: 'end' })
    this.wake()
    await this.exited
  }

  /**
   * Leaves the thread behind, which is inside a native call: nothing could end it without ending the process. Should it
   * come back, it closes its runner and ends.
   */
  giveUp(why: string): void {
    if (this.#lost !== undefined || this.#ending) return
    const message = `${this} is stuck and was left behind: ${why}`
    const error = new HalError('HAL_DEVICE_LOST', message)
    this.#ending = true
    this.post({ kind: 'close' })
    this.post({ kind: 'end' })
    this.wake()
    this.#lose(error, 'stuck')
    // What it still says must reach nobody: another thread has its place.
    delete this.listener
    this.keepProcess(false)
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

  toString(): string {
    return `worker thread ${this.worker.index} of core ${this.worker.core}`
  }

  #onMessage(answer: Answer): void {
    if (answer === 0) {
      Atomics.store(this.control, Word.bell, 0)
      this.listener?.onAnswer()
    } else if (answer.kind === 'lost') {
      this.listener?.onLost(decodeError(answer.error) as HalError, 'runner')
    } else if (answer.kind !== 'reply') {
      this.listener?.onAnswer(answer)
    } else if (answer.error === undefined) {
      this.#pending?.resolve(answer.value)
    } else {
      this.#pending?.reject(decodeError(answer.error))
    }
  }

  #tellDropped(): void {
    const news = this.buffers.news()
    if (news === undefined || this.#lost !== undefined || this.#ending) return
    this.post(news)
    this.wake()
  }

  #onExit(code: number, cause: unknown): void {
    if (this.#ending) return
    const why = cause instanceof Error ? cause.message : `exit code ${code}`
    const message = `${this} has ended unexpectedly: ${why}`
    this.#lose(new HalError('HAL_DEVICE_LOST', message, cause === undefined ? {} : { cause }), 'ended')
  }

  #lose(error: HalError, loss: Loss): void {
    this.#lost = error
    this.logger('error', error.message, { error })
    this.#pending?.reject(error)
    this.listener?.onLost(error, loss)
  }
}

export interface CommandOptions {
  readonly transfer?: readonly ArrayBuffer[]
  /** Milliseconds after which the thread is given up. */
  readonly limit?: number | undefined
}
