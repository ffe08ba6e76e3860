import { MessageChannel, type MessagePort, type TransferListItem } from 'node:worker_threads'
import { HalError } from '../errors.js'
import { decodeError } from './error-message.js'
import type { FromEngine, FromThread, Notice, Question } from './message.js'

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
}

/**
 * The other thread's end of a connection: matches answers to questions, and keeps its thread alive while it is owed
 * something, no longer.
 */
export class Connection {
  /** Takes what comes unasked. */
  onNotice: (notice: Notice) => void = () => {}
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  #owed = 0
  #idle: (() => void)[] = []
  /** Why nothing more may be asked. */
  #refusal: HalError | undefined
  #closed = false

  constructor(private readonly port: MessagePort) {
    port.on('message', (message: FromEngine) => this.#receive(message))
    port.on('close', () => this.close(broken()))
  }

  /** The number of the next question. */
  number(): number {
    return ++this.#calls
  }

  /** @throws HalError the reason why nothing may be asked any more. */
  assertOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  /** @throws HalError as {@link assertOpen}; HAL_INVALID_ARGUMENT when something in the message cannot be cloned. */
  send(message: FromThread, transfer: readonly TransferListItem[] = []): void {
    this.assertOpen()
    this.#post(message, transfer)
  }

  /** Sends what concerns nobody any more where the connection is closed. */
  tell(message: FromThread): void {
    if (!this.#closed) this.#post(message, [])
  }

  ask(question: Question, call = this.number()): Promise<unknown> {
    this.assertOpen()
    return this.#ask(question, call)
  }

  /** Nothing may be asked any more; what is pending goes on. */
  refuse(reason: HalError): void {
    this.#refusal ??= reason
  }

  /** The question that ends the connection, once nothing else may be asked. */
  async bid(question: Question): Promise<void> {
    if (!this.#closed) await this.#ask(question, this.number())
  }

  /** Also while this thread stands still, when no event can tell. */
  isBroken(): boolean {
    return this.#closed || !hasReceiver(this.port)
  }

  /** Something is to come from the engine's thread: this one must not end before. */
  hold(): void {
    if (this.#owed++ === 0) this.port.ref()
  }

  release(): void {
    if (--this.#owed > 0) return
    this.port.unref()
    for (const wake of this.#idle.splice(0)) wake()
  }

  /** Resolves when nothing is owed. */
  async idle(): Promise<void> {
    if (this.#owed > 0 && !this.#closed) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** What is pending fails. */
  failAll(error: HalError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of pending) {
      this.release()
      reject(error)
    }
  }

  close(reason: HalError): void {
    if (this.#closed) return
    this.refuse(reason)
    this.#closed = true
    this.port.close()
    this.failAll(reason)
    for (const wake of this.#idle.splice(0)) wake()
  }

  #ask(question: Question, call: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#post({ ...question, call }, [])
      this.#pending.set(call, { resolve, reject })
      this.hold()
    })
  }

  #post(message: FromThread, transfer: readonly TransferListItem[]): void {
    try {
      this.port.postMessage(message, transfer)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      // All else in a run was checked, and put into a form that can be cloned.
      const culprit = 'inputs' in message ? 'userArg' : `'${message.kind}'`
      const fault = `${culprit} cannot go to another thread: ${reason}`
      throw new HalError('HAL_INVALID_ARGUMENT', fault, { cause })
    }
  }

  #receive(message: FromEngine): void {
    if (message.kind !== 'done' && message.kind !== 'failed') {
      this.onNotice(message)
      return
    }
    const pending = this.#pending.get(message.call)
    if (pending === undefined) return
    this.#pending.delete(message.call)
    this.release()
    if (message.kind === 'done') pending.resolve(message.value)
    else pending.reject(decodeError(message.error))
  }
}

/** What `postMessage` gives in Node, beside its types: whether there is a port at the other end. */
function post(port: MessagePort, message: { readonly kind: 'ping' }): unknown {
  return port.postMessage(message)
}

function hasReceiver(port: MessagePort): boolean {
  const { port1, port2 } = new MessageChannel()
  const tells = post(port1, { kind: 'ping' }) === true
  port2.close()
  // Where it does not tell, waiting on is better than giving up on an answer that comes.
  return !tells || post(port, { kind: 'ping' }) === true
}

/** What every call fails with whose answer can never come. */
export function broken(): HalError {
  return new HalError('HAL_DEVICE_LOST', 'the connection broke: the thread of the engine has ended')
}
