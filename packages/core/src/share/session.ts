import { MessageChannel, MessagePort, type TransferListItem, threadId } from 'node:worker_threads'
import type { Device, DeviceStatus } from '../device.js'
import { HalError } from '../errors.js'
import { decodeError, encodeError } from './error-message.js'
import type { SharedEngine } from './handle.js'
import {
  type Asked,
  type DeviceMessage,
  type FromEngine,
  type FromThread,
  type Hello,
  PROTOCOL,
} from './message.js'
import { SessionCallback } from './session-callback.js'
import { SessionNews } from './session-news.js'
import { SessionRuns } from './session-runs.js'

type Question = Extract<FromThread, { readonly call: number; readonly reason?: never }>

/** What the other thread stands still for. */
const URGENT: ReadonlySet<FromThread['kind']> = new Set(['run-now', 'try-submit', 'stats', 'reset-stats'])

const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error']

/**
 * The engine's end of a connection. What comes from the other thread is unproven: it is checked like any caller's arguments,
 * and what goes wrong is answered there.
 */
export class Session {
  readonly #answers = new MessageChannel()
  readonly #bell = new Int32Array(new SharedArrayBuffer(4))
  readonly #callback: SessionCallback
  readonly #news: SessionNews
  readonly #runs: SessionRuns
  #connected = false

  constructor(
    private readonly shared: SharedEngine,
    private readonly port: MessagePort,
    private readonly owned: boolean,
  ) {
    const { engine, pipeline } = shared
    const send = (message: FromEngine) => port.postMessage(message)
    this.#callback = new SessionCallback(pipeline, send, (delivered) => this.#ring(delivered))
    this.#news = new SessionNews(engine, pipeline.signature, send)
    this.#runs = new SessionRuns(shared, this.#callback, (job, failed) => send({ kind: 'over', job, failed }))
    port.on('message', (message: FromThread) => this.#receive(message))
    port.on('close', () => {
      this.#end()
      this.#answers.port1.close()
      if (owned) engine.close().catch(() => {})
    })
    // What keeps this thread alive is the work of the engine, not those who might ask for some.
    port.unref()
  }

  #receive(message: FromThread): void {
    try {
      if ('call' in message && typeof message.call !== 'number') throw new TypeError('a call has a number')
      if (message.kind !== 'cancel' && 'call' in message) this.#asked(message)
      else this.#told(message)
    } catch (error) {
      this.shared.logger('warn', `a thread sent what makes no sense: ${HalError.from(error).message}`)
    }
  }

  /** Answers a question, whatever comes of it. */
  #asked(message: Question): void {
    const answer = (value: unknown, transfer?: readonly TransferListItem[]) => {
      // A device that came back without its runtime is told of by no event.
      this.#news.tellDevices()
      this.#answer(message, { kind: 'done', call: message.call, value }, transfer)
    }
    const fail = (error: unknown) => {
      this.#answer(message, { kind: 'failed', call: message.call, error: encodeError(error) })
    }
    try {
      this.#work(message, answer)?.catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  #work(
    message: Question,
    answer: (value?: unknown, transfer?: readonly TransferListItem[]) => void,
  ): Promise<void> | undefined {
    const { engine } = this.shared
    switch (message.kind) {
      case 'connect':
        answer(this.#connect(message), [this.#answers.port2])
        return
      case 'run':
        return this.#runs.run(message).then(answer)
      case 'run-now':
        return this.#runs.runNow(message).then(answer)
      case 'submit':
        return this.#runs.submit(message, answer)
      case 'try-submit':
        this.#runs.trySubmit(message, answer)
        return
      case 'wait':
        return this.#runs.wait(message).then(answer)
      case 'stats':
        answer(engine.stats())
        return
      case 'reset-stats':
        answer(engine.resetStats())
        return
      case 'status':
        return this.#status(message).then(answer)
      case 'clone':
        return this.#runs.clone(message).then((handle) => answer(handle, [handle]))
      case 'close':
        return this.#farewell(message).then(answer)
      default:
        throw new HalError('HAL_UNIMPLEMENTED', `there is no '${(message as FromThread).kind}' here`)
    }
  }

  #told(message: FromThread): void {
    switch (message.kind) {
      case 'ping':
        return
      case 'cancel':
        this.#runs.cancel(message.call, decodeError(message.reason))
        return
      case 'register':
        this.#callback.register(message.callback)
        return
      case 'called-back':
        this.#callback.through(message.delivery, message.error)
        return
      case 'listen':
        this.#news.listen(message.event, message.on)
        return
      case 'copied':
        this.#runs.copied(message.bytes)
        return
      case 'share':
        if (!(message.port instanceof MessagePort)) throw new TypeError('a handle is a MessagePort')
        new Session(this.shared, message.port, false)
        return
      case 'log':
        this.#log(message)
        return
      default:
        throw new HalError('HAL_UNIMPLEMENTED', `there is no '${(message as FromThread).kind}' here`)
    }
  }

  #answer(
    { kind }: Question,
    message: FromEngine,
    transfer: readonly TransferListItem[] | undefined = [],
  ): void {
    if (URGENT.has(kind)) this.#ring(message)
    else this.port.postMessage(message, transfer)
  }

  /** Wakes the other thread, which stands still. */
  #ring(message: FromEngine): void {
    this.#answers.port1.postMessage(message)
    Atomics.add(this.#bell, 0, 1)
    Atomics.notify(this.#bell, 0)
  }

  #connect({ protocol }: Asked<'connect'>): Hello {
    if (this.#connected) {
      throw new HalError(
        'HAL_FAILED_PRECONDITION',
        'the handle was used before: share() gives one for each use',
      )
    }
    if (protocol !== PROTOCOL) {
      const message = `the thread has another version of @xpu-hal/core (protocol ${protocol}, here ${PROTOCOL})`
      throw new HalError('HAL_FAILED_PRECONDITION', message)
    }
    this.#connected = true
    const { engine, pipeline } = this.shared
    const { id, model, selection, options, sharesWeights, inputs, outputs } = engine
    const { maxLoad, gauge } = pipeline.admission
    return {
      ...{ id, model, selection, options, sharesWeights, maxLoad, gauge },
      thread: threadId,
      devices: engine.devices.map(describe),
      signature: { inputs, outputs },
      tells: pipeline.signature.tells,
      answers: this.#answers.port2,
      bell: this.#bell,
    }
  }

  #status({ device }: Asked<'status'>): Promise<DeviceStatus> {
    const found = this.shared.engine.devices[device]
    if (found === undefined) throw new HalError('HAL_NOT_FOUND', `the engine has no device ${device}`)
    return found.status()
  }

  async #farewell({ timeout }: Asked<'close'>): Promise<void> {
    this.#end()
    if (this.owned) await this.shared.engine.close({ timeout })
  }

  #log({ level, message, error }: Asked<'log'>): void {
    if (!LEVELS.includes(level)) throw new TypeError(`there is no log level '${String(level)}'`)
    this.shared.logger(level, String(message), { error: error && decodeError(error) })
  }

  #end(): void {
    this.#runs.end()
    this.#callback.end()
    this.#news.end()
  }
}

/** What a backend has put there beside might not cross. */
function describe(device: Device): DeviceMessage {
  const { id, name, vendor, kind, cores, capabilities, backend, options, lost } = device
  return { id, name, vendor, kind, cores, capabilities, backend, options, lost }
}
