import { MessageChannel } from 'node:worker_threads'
import type { CloneOptions } from '../common-options.js'
import type { DeviceStatus } from '../device.js'
import { allocate, totalSize } from '../engine/allocate.js'
import { deadlineIn, within } from '../engine/close.js'
import { Events } from '../engine/events.js'
import { givingUp } from '../engine/giving-up.js'
import { runBatch } from '../engine/run-batch.js'
import { Signature } from '../engine/signature.js'
import { stream } from '../engine/stream.js'
import { checkWaitOptions, throwIfAborted } from '../engine/watch.js'
import type {
  BatchOptions,
  DeviceChoice,
  Engine,
  EngineEvents,
  EngineHandle,
  EngineStats,
  Inputs,
  JobId,
  Outputs,
  RunCallback,
  RunMetrics,
  RunOptions,
  WaitOptions,
} from '../engine.js'
import { HalError } from '../errors.js'
import type { TensorInfo } from '../model.js'
import type { OptionValues } from '../option.js'
import { type Tensor, tensor } from '../tensor.js'
import { Cancellation } from './cancellation.js'
import type { Connection } from './connection.js'
import { decodeError, encodeError } from './error-message.js'
import type { Hello, Notice } from './message.js'
import { RemoteCallback } from './remote-callback.js'
import { RemoteDevice } from './remote-device.js'
import { RemoteRuns } from './remote-runs.js'
import { Standstill } from './standstill.js'

/** The engine of another thread. */
export class RemoteEngine implements Engine {
  readonly id: string
  readonly model: string
  readonly device: RemoteDevice
  readonly devices: readonly RemoteDevice[]
  readonly selection: readonly DeviceChoice[]
  readonly options: OptionValues
  readonly sharesWeights: boolean
  readonly #gauge: Int32Array
  readonly #maxLoad: number
  readonly #signature: Signature
  readonly #standstill: Standstill
  readonly #callback: RemoteCallback
  readonly #runs: RemoteRuns
  readonly #events: Events
  #closing: Promise<void> | undefined

  constructor(
    private readonly connection: Connection,
    hello: Hello,
    private readonly connect: (handle: EngineHandle) => Promise<Engine>,
  ) {
    const { id, model, selection, options, sharesWeights, gauge, maxLoad, signature, tells } = hello
    this.id = id
    this.model = model
    this.devices = hello.devices.map(
      (message, device) =>
        new RemoteDevice(message, () => connection.ask({ kind: 'status', device }) as Promise<DeviceStatus>),
    )
    this.device = this.devices[0] as RemoteDevice
    this.selection = selection
    this.options = options
    this.sharesWeights = sharesWeights
    this.#gauge = gauge
    this.#maxLoad = maxLoad
    const { inputs, outputs } = signature
    this.#signature = new Signature({
      inputs: tells.inputs ? inputs : [],
      outputs: tells.outputs ? outputs : [],
    })
    Object.assign(this.#signature, { inputs, outputs })
    this.#callback = new RemoteCallback(connection, (job, came) => this.#runs.collect(job, came))
    this.#standstill = new Standstill(connection, hello, (delivered) => this.#callback.deliver(delivered))
    this.#runs = new RemoteRuns(connection, this.#standstill, this.#callback, this.#signature)
    this.#events = new Events((level, message, details) => {
      connection.tell({ kind: 'log', level, message, error: encodeError(details?.error) })
    })
    connection.onNotice = (notice) => this.#noticed(notice)
  }

  get inputs(): readonly TensorInfo[] {
    return this.#signature.inputs
  }

  get outputs(): readonly TensorInfo[] {
    return this.#signature.outputs
  }

  get inputSize(): number | undefined {
    return totalSize(this.inputs)
  }

  get outputSize(): number | undefined {
    return totalSize(this.outputs)
  }

  get load(): number {
    return Atomics.load(this.#gauge, 0)
  }

  run(inputs: Inputs, options: RunOptions = {}): Promise<Outputs> {
    return this.#runs.run(inputs, options)
  }

  runSync(inputs: Inputs, options: Pick<RunOptions, 'outputs' | 'userArg'> = {}): Outputs {
    return this.#runs.runSync(inputs, options)
  }

  runAsync(inputs: Inputs, userArg?: unknown, options: RunOptions = {}): Promise<JobId> {
    return this.#runs.submit(inputs, userArg === undefined ? options : { ...options, userArg })
  }

  tryRunAsync(inputs: Inputs, userArg?: unknown, options: RunOptions = {}): JobId {
    return this.#runs.trySubmit(inputs, userArg === undefined ? options : { ...options, userArg })
  }

  async wait(job: JobId, options: WaitOptions = {}): Promise<Outputs> {
    if (typeof job !== 'number') throw new TypeError('wait needs the job id that runAsync gave')
    checkWaitOptions(options)
    throwIfAborted(options.signal, `waiting for job ${job}`)
    return this.#runs.wait(job, options)
  }

  registerCallback(callback: RunCallback | null): void {
    if (callback !== null && typeof callback !== 'function') {
      throw new TypeError('registerCallback needs a function, or null to remove the one there is')
    }
    this.#callback.register(callback)
  }

  runBatch(items: readonly Inputs[], options: BatchOptions = {}): Promise<PromiseSettledResult<Outputs>[]> {
    return runBatch(this, items, options, this.#maxLoad)
  }

  stream(
    items: Iterable<Inputs> | AsyncIterable<Inputs>,
    options: RunOptions = {},
  ): AsyncGenerator<Outputs, void, void> {
    return stream(this, items, options, this.#maxLoad)
  }

  allocate(name: string, shape?: readonly number[]): Tensor {
    return allocate([...this.inputs, ...this.outputs], name, shape, tensor)
  }

  stats(): EngineStats {
    return this.#standstill.ask({ kind: 'stats' }) as EngineStats
  }

  resetStats(): void {
    this.#standstill.ask({ kind: 'reset-stats' })
  }

  async clone(options: CloneOptions = {}, wait: WaitOptions = {}): Promise<Engine> {
    checkWaitOptions(wait)
    throwIfAborted(wait.signal, 'cloning the engine')
    const open = async (signal: AbortSignal) => {
      const call = this.connection.number()
      const { disarm } = new Cancellation(this.connection, call, signal, 'cloning the engine')
      try {
        return await this.connect(
          (await this.connection.ask({ kind: 'clone', options }, call)) as EngineHandle,
        )
      } finally {
        disarm()
      }
    }
    return givingUp(open, wait, 'cloning the engine')
  }

  share(): EngineHandle {
    const { port1, port2 } = new MessageChannel()
    this.connection.send({ kind: 'share', port: port2 }, [port2])
    return port1
  }

  on<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): this {
    const before = this.#events.has(event)
    this.#events.on(event, listener)
    if (!before) this.connection.tell({ kind: 'listen', event, on: true })
    return this
  }

  off<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): this {
    const before = this.#events.has(event)
    this.#events.off(event, listener)
    if (before && !this.#events.has(event)) this.connection.tell({ kind: 'listen', event, on: false })
    return this
  }

  close(options: Pick<WaitOptions, 'timeout'> = {}): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    checkWaitOptions(options)
    this.#closing = this.#close(options.timeout ?? 0)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(timeout: number): Promise<void> {
    const where = { engine: this.id }
    this.connection.refuse(
      new HalError('HAL_FAILED_PRECONDITION', `the connection to ${this.id} is closed`, where),
    )
    const deadline = deadlineIn(timeout)
    if (!(await within(this.connection.idle(), deadline))) {
      const message = `the connection to ${this.id} was closed with a timeout of ${timeout} ms`
      this.connection.failAll(new HalError('HAL_ABORTED', message, where))
    }
    const rest = timeout === 0 ? 0 : Math.max(deadline - performance.now(), 1)
    try {
      // With a timeout, the engine's thread may be too busy to say farewell.
      await within(this.connection.bid({ kind: 'close', timeout: rest }), deadline)
    } finally {
      this.#standstill.close()
      this.connection.close(new HalError('HAL_ABORTED', `the connection to ${this.id} was closed`, where))
    }
  }

  #noticed(notice: Notice): void {
    if (notice.kind === 'callback') this.#callback.deliver(notice)
    else if (notice.kind === 'over') {
      this.#callback.over(notice.job)
      if (notice.failed) this.#runs.forget(notice.job)
    } else if (notice.kind === 'unused') this.#callback.forget(notice.callback)
    else if (notice.kind === 'learned') Object.assign(this.#signature, notice.signature)
    else if (notice.kind === 'devices') {
      for (const [i, device] of this.devices.entries()) device.lost = notice.lost[i] === true
    } else this.#emit(notice)
  }

  #emit({ event, metrics, error: message }: Extract<Notice, { kind: 'event' }>): void {
    const error = message === undefined ? undefined : (decodeError(message) as HalError)
    if (event === 'recovered') this.#events.emit('recovered')
    else if (event !== 'run') this.#events.emit(event, error as HalError)
    else this.#events.emit('run', { ...(metrics as RunMetrics), ...(error && { error }) })
  }
}
