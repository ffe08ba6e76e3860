import { receiveMessageOnPort, threadId } from 'node:worker_threads'
import { HalError } from '../errors.js'
import { broken, type Connection } from './connection.js'
import { decodeError } from './error-message.js'
import type { Answer, Delivered, Hello, UrgentQuestion } from './message.js'

/** How often it looks whether the engine's thread is still there. */
const LOOK_MS = 500

/** Questions that stop this thread until the engine's thread has answered. */
export class Standstill {
  readonly #answers: Hello['answers']
  readonly #bell: Int32Array
  readonly #thread: number
  /** By call: a callback may stand still within the call that it is called from. */
  readonly #early = new Map<number, Answer>()

  constructor(
    private readonly connection: Connection,
    { answers, bell, thread }: Hello,
    /** Takes the run of this very call, where this thread has the callback. */
    private readonly onCallback: (delivered: Delivered) => void,
  ) {
    this.#answers = answers
    this.#bell = bell
    this.#thread = thread
  }

  /** @throws HalError HAL_FAILED_PRECONDITION on the engine's own thread, HAL_DEVICE_LOST when it ends meanwhile. */
  ask(question: UrgentQuestion, call = this.connection.number()): unknown {
    if (this.#thread === threadId) {
      const message = `'${question.kind}' over a connection waits for the engine's thread, which is this one: use the engine itself`
      throw new HalError('HAL_FAILED_PRECONDITION', message)
    }
    let rung = Atomics.load(this.#bell, 0)
    this.connection.send({ ...question, call })
    for (;;) {
      const answer = this.#take(call)
      if (answer?.kind === 'done') return answer.value
      if (answer?.kind === 'failed') throw decodeError(answer.error)
      const late = Atomics.wait(this.#bell, 0, rung, LOOK_MS) === 'timed-out'
      if (late && this.connection.isBroken()) throw broken()
      rung = Atomics.load(this.#bell, 0)
    }
  }

  close(): void {
    this.#answers.close()
  }

  #take(call: number): Answer | undefined {
    for (;;) {
      const early = this.#early.get(call)
      this.#early.delete(call)
      if (early !== undefined) return early
      const received = receiveMessageOnPort(this.#answers)
      if (received === undefined) return undefined
      const message = received.message as Answer | Delivered
      if (message.kind === 'callback') this.onCallback(message)
      else this.#early.set(message.call, message)
    }
  }
}
