import { Worker } from 'node:worker_threads'
import { HalError, type Logger, type NumericData, type NumericDataType, silent } from '@xpu-hal/core/backend'
import { decodeError } from '../error.js'
import type { WorkerInfo } from '../runner.js'
import { PendingCommand } from '../worker/commands.js'
import { CONTROL_BYTES, Word } from '../worker/control.js'
import type { Answer, Command, Mail, SlotsMessage } from '../worker/message.js'
import type { SharedOutput } from '../worker/outputs.js'
import type { AnswerListener, CommandOptions, Loss, RemoteWorker } from '../worker/remote-worker.js'
import { Slots } from '../worker/slots.js'
import { weigh } from './ballast.js'
import { BufferIds } from './buffers.js'
import { watchExit } from './exit.js'
import type { WorkerSeed } from './link.js'

/** A thread inherits the flags of Node, but refuses to start with one that is for programs on the command line only. */
const flags = process.execArgv.some((flag) => flag.startsWith('--input-type')) ? { execArgv: [] } : {}

/** Milliseconds that a thread gets to end, or to fall idle, when its runner is closed. */
const END_MS = 5_000

/** One worker thread, as main sees it: its birth, its commands, its end. It serves one engine after the other. */
export class WorkerThread implements RemoteWorker {
  readonly lends = true
  readonly syncSlots = 0
  readonly control: Int32Array
  #buffers = this.#bufferIds()
  listener?: AnswerListener
  readonly #worker: Worker
  /** Resolves when the thread has ended, whatever became of it. */
  readonly exited: Promise<unknown>
  #leave: () => void = () => {}
  readonly #left = new Promise<void>((resolve) => {
    this.#leave = resolve
  })
  #lost: HalError | undefined
  readonly #pending = new PendingCommand()
  #ending = false

  constructor(
    /** URL of its runner module. */
    readonly module: string,
    public worker: WorkerInfo,
    public logger: Logger,
  ) {
    this.control = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES))
    const workerData: WorkerSeed = { module, control: this.control }
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      ...flags,
      name: 'xpu-hal',
    })
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

  get lost(): HalError | undefined {
    return this.#lost
  }

  command<T>(command: Command, options?: CommandOptions): Promise<T> {
    return this.#pending.send(this, command, options)
  }

  allocateSlots(count: number, tensors: number): Slots {
    return new Slots(new SharedArrayBuffer(Slots.bytes(count, tensors)), count, tensors)
  }

  slotsMessage({ buffer, count }: Slots): SlotsMessage {
    return { count, bytes: buffer.byteLength, at: buffer as SharedArrayBuffer }
  }

  addressOf(buffer: ArrayBufferLike): number {
    return this.#buffers.idOf(buffer)
  }

  flush(): void {
    const news = this.#buffers.news()
    if (news !== undefined) this.post(news)
  }

  receive(_: NumericDataType, data: SharedOutput): NumericData {
    weigh((data as NumericData).buffer)
    return data as NumericData
  }

  /** Lets go of what belonged to its engine. */
  async rest(): Promise<void> {
    delete this.listener
    await this.command({ kind: 'rest' }, { limit: END_MS })
    this.#buffers.end()
    this.#buffers = this.#bufferIds()
    this.logger = silent
  }

  async end(): Promise<void> {
    if (this.#lost !== undefined) return
    this.#ending = true
    this.keepProcess(true)
    this.post({ kind: 'end' })
    this.wake()
    const timer = setTimeout(() => this.#leaveEnding(), END_MS)
    await Promise.race([this.exited, this.#left])
    clearTimeout(timer)
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

  post(mail: Mail, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(mail, transfer)
    Atomics.add(this.control, Word.mail, 1)
  }

  wake(): void {
    Atomics.add(this.control, Word.wake, 1)
    Atomics.notify(this.control, Word.wake)
  }

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
      this.#pending.resolve(answer.value)
    } else {
      this.#pending.reject(decodeError(answer.error))
    }
  }

  #bufferIds(): BufferIds {
    return new BufferIds(() => queueMicrotask(() => this.#tellDropped()))
  }

  #tellDropped(): void {
    if (this.#lost !== undefined || this.#ending) return
    this.flush()
    this.wake()
  }

  /** What its runner's module has put on its event loop does not come back. */
  #leaveEnding(): void {
    this.logger('warn', `${this} has not ended within ${END_MS} ms and was left behind`)
    this.keepProcess(false)
    this.#leave()
  }

  #onExit(code: number, cause: unknown): void {
    if (this.#ending) return
    const why = cause instanceof Error ? cause.message : `exit code ${code}`
    const message = `${this} has ended unexpectedly: ${why}`
    this.#lose(new HalError('HAL_DEVICE_LOST', message, cause === undefined ? {} : { cause }), 'fatal')
  }

  #lose(error: HalError, loss: Loss): void {
    this.#lost = error
    this.logger('error', error.message, { error })
    this.#pending.reject(error)
    this.listener?.onLost(error, loss)
  }
}
