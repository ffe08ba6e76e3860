import {
  bytesPerElement,
  HalError,
  type Logger,
  type NumericData,
  type NumericDataType,
  now,
  type RunAnswer,
  type SyncRequest,
  viewData,
} from '@xpu-hal/core/backend'
import { decodeError } from '../error.js'
import type { Connection } from '../lane.js'
import type { WorkerInfo } from '../runner.js'
import { PendingCommand } from '../worker/commands.js'
import { CONTROL_BYTES, Word } from '../worker/control.js'
import type { Command, Mail, Place, SlotsMessage } from '../worker/message.js'
import type { SharedOutput } from '../worker/outputs.js'
import type { AnswerListener, CommandOptions, RemoteWorker } from '../worker/remote-worker.js'
import { Slots } from '../worker/slots.js'
import { checkAnswer, checkLoaded } from './answer-check.js'
import type { Arena } from './arena.js'
import { Child, type ProcessEnd } from './child.js'
import type { ProcessAnswer, ProcessSeed } from './message.js'
import { SyncRun } from './sync-run.js'

/** Milliseconds that a process gets to end by itself. */
const END_MS = 2_000
/** Answers and bells during one `runSync`. */
const MAX_LATE = 10_000

/** One worker process, as main sees it. Nothing that it says or writes is taken on trust. */
export class WorkerProcess implements RemoteWorker {
  readonly lends = false
  readonly syncSlots = 1
  listener?: AnswerListener
  readonly exited: Promise<unknown>
  readonly #control: Int32Array
  readonly #child: Child
  readonly #pending = new PendingCommand()
  /** Room for outputs by address, as it was asked for: once for each answer that may be on its way. */
  readonly #rooms: Map<number, ArrayBuffer>[] = []
  #answers = 0
  #lost: HalError | undefined
  /** It takes no runs until another is opened. */
  #lostRunner: HalError | undefined
  #ending = false
  /** The thread waits for it. */
  #sync: SyncRun | undefined
  /** What came meanwhile for others: nobody else is called from within `runSync`. */
  #late: (() => void)[] = []
  /** Why it was killed. */
  #verdict: HalError | undefined

  constructor(
    private readonly arena: Arena,
    module: URL,
    readonly worker: WorkerInfo,
    env: readonly string[],
    private readonly logger: Logger,
  ) {
    const control = arena.allocate(CONTROL_BYTES)
    this.#control = new Int32Array(control)
    this.#child = new Child(new URL('./process-worker.js', import.meta.url), arena.fd, env, logger)
    const { channel } = this.#child
    channel.onBell = () => this.#onBell()
    channel.onMessage = (message) => this.#onMessage(message)
    channel.onDamage = (error) => this.#damaged(error)
    this.exited = this.#child.exited.then((end) => this.#onExit(end))
    const seed: ProcessSeed = {
      module: module.href,
      arena: arena.size,
      control: arena.offsetOf(control) as number,
    }
    channel.send(seed)
  }

  get lost(): HalError | undefined {
    return this.#lost
  }

  async command<T>(command: Command, options?: CommandOptions): Promise<T> {
    if (command.kind === 'open') this.#lostRunner = undefined
    const value = await this.#pending.send<T>(this, command, options)
    if (command.kind === 'load') checkLoaded(value)
    return value
  }

  allocateSlots(count: number, tensors: number): Slots {
    this.#answers = count
    return new Slots(this.arena.allocate(Slots.bytes(count, tensors)), count, tensors)
  }

  slotsMessage({ buffer, count }: Slots): SlotsMessage {
    return { count, bytes: buffer.byteLength, at: this.addressOf(buffer) }
  }

  addressOf(buffer: ArrayBufferLike): number {
    const offset = this.arena.offsetOf(buffer)
    if (offset !== undefined) return offset
    throw new HalError('HAL_INTERNAL', 'a tensor for a worker process does not lie in the arena')
  }

  flush(): void {}

  receive(dataType: NumericDataType, data: SharedOutput): NumericData {
    const { address, length } = data as Place
    if (length === 0) return viewData(dataType, new ArrayBuffer(0), 0, 0)
    const at = this.#rooms.findIndex((rooms) => rooms.has(address))
    const rooms = this.#rooms[at]
    const room = rooms?.get(address)
    rooms?.delete(address)
    if (rooms?.size === 0) this.#rooms.splice(at, 1)
    if (room === undefined || length * bytesPerElement(dataType) > room.byteLength) {
      throw new HalError('HAL_DATA_LOSS', 'the worker process names outputs in memory that it was not given')
    }
    return viewData(dataType, room, 0, length)
  }

  runSync(connection: Connection, request: SyncRequest, limit = Number.POSITIVE_INFINITY): RunAnswer {
    const run = new SyncRun(connection, request, this.arena)
    this.#sync = run
    const { channel } = this.#child
    const until = now() + limit
    try {
      while (!run.answered) {
        if (this.#lostRunner !== undefined) throw this.#lostRunner
        const left = until - now()
        if (left <= 0 || !channel.waitReadable(Number.isFinite(left) ? left : undefined)) {
          this.giveUp(`runSync has not come back from the runtime for ${limit} ms`)
        }
        const open = channel.readNow()
        if (!run.answered && (!open || this.#verdict !== undefined)) {
          throw this.#verdict ?? new HalError('HAL_DEVICE_LOST', `${this} has ended during runSync`)
        }
      }
      return run.answer()
    } finally {
      this.#sync = undefined
      queueMicrotask(() => this.#deliverLate())
    }
  }

  post(mail: Mail): void {
    this.#child.channel.send(mail)
    Atomics.add(this.#control, Word.mail, 1)
  }

  wake(): void {
    Atomics.add(this.#control, Word.wake, 1)
    if (Atomics.exchange(this.#control, Word.asleep, 0) === 1) this.#child.channel.bell()
  }

  /** The process is killed: with it goes whatever it is stuck in. */
  giveUp(why: string): void {
    this.#condemn(new HalError('HAL_DEVICE_LOST', `${this} hangs and was killed: ${why}`))
  }

  async end(): Promise<void> {
    if (this.#lost === undefined) {
      this.#ending = true
      this.keepProcess(true)
      this.post({ kind: 'end' })
      this.wake()
    }
    const timer = setTimeout(() => this.#child.kill(), END_MS)
    await this.exited
    clearTimeout(timer)
  }

  keepProcess(keep: boolean): void {
    if (keep) this.#child.ref()
    else this.#child.unref()
  }

  toString(): string {
    return `worker process ${this.#child.pid} (${this.worker.index} of core ${this.worker.core})`
  }

  #condemn(verdict: HalError): void {
    if (this.#lost !== undefined) return
    this.#verdict ??= verdict
    this.#child.kill()
  }

  #damaged(cause: HalError): void {
    this.#condemn(new HalError('HAL_DEVICE_LOST', `${this} was killed: ${cause.message}`, { cause }))
  }

  #onBell(): void {
    Atomics.store(this.#control, Word.bell, 0)
    this.#deliver(() => this.listener?.onAnswer())
  }

  #onMessage(message: unknown): void {
    if (this.#verdict !== undefined) return
    let answer: ProcessAnswer
    try {
      answer = checkAnswer(message)
    } catch (error) {
      this.#damaged(HalError.from(error))
      return
    }
    switch (answer.kind) {
      case 'reply':
        if (answer.error === undefined) this.#pending.resolve(answer.value)
        else this.#pending.reject(decodeError(answer.error))
        break
      case 'lost': {
        const error = HalError.from(decodeError(answer.error))
        this.#lostRunner = error
        this.#deliver(() => this.listener?.onLost(error, 'runner'))
        break
      }
      case 'room':
        this.#makeRoom(answer.bytes)
        break
      default:
        if (answer.slot === this.#sync?.slot) this.#sync.take(answer)
        else this.#deliver(() => this.listener?.onAnswer(answer))
    }
  }

  #deliver(tell: () => void): void {
    if (this.#sync !== undefined) {
      if (this.#late.push(tell) <= MAX_LATE) return
      this.#damaged(new HalError('HAL_DATA_LOSS', 'it sent more answers than there are runs'))
      return
    }
    this.#deliverLate()
    tell()
  }

  #deliverLate(): void {
    for (const tell of this.#late.splice(0)) tell()
  }

  #makeRoom(bytes: readonly number[]): void {
    const { channel } = this.#child
    const rooms = new Map<number, ArrayBuffer>()
    try {
      const addresses = bytes.map((size) => {
        if (size === 0) return 0
        // Not touched here: nobody gets pages, or the time to clear them, by asking.
        const room = this.arena.allocate(size, false)
        const address = this.addressOf(room)
        rooms.set(address, room)
        return address
      })
      // What is older belongs to answers that were never sent.
      if (rooms.size > 0 && this.#rooms.push(rooms) > this.#answers) this.#rooms.shift()
      channel.send({ kind: 'room', addresses })
    } catch (error) {
      channel.send({ kind: 'room', addresses: [], error: HalError.from(error).message })
    }
  }

  #onExit({ code, signal, error: cause }: ProcessEnd): void {
    if (this.#ending && this.#verdict === undefined) return
    const error = this.#verdict ?? this.#unexpected(signal ?? code ?? 'none', cause)
    this.#lost = error
    this.logger('error', error.message, { error })
    this.#pending.reject(error)
    // It may have answered before.
    this.listener?.onLost(error, 'ended')
    this.#rooms.length = 0
  }

  #unexpected(status: string | number, cause: Error | undefined): HalError {
    const how = typeof status === 'string' ? `by ${status}` : `with status ${status}`
    const message =
      cause === undefined
        ? `${this} has ended unexpectedly, ${how}`
        : `a worker process cannot be started: ${cause.message}`
    return new HalError('HAL_DEVICE_LOST', message, { native: { call: 'worker process', status }, cause })
  }
}
