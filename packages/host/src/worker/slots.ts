import {
  DATA_TYPES,
  MAX_RANK,
  type NumericData,
  type NumericDataType,
  now,
  type Tensor,
} from '@xpu-hal/core/backend'
import type { NumericTensorMessage } from './message.js'

/** Life of a slot. Main fills and frees it; the worker takes it from `ready` to `done`. */
export const State = {
  free: 0,
  ready: 1,
  running: 2,
  /** Main is inside `cancel`; the worker must not leave the run. */
  cancelling: 3,
  cancelled: 4,
  done: 5,
} as const

/** Numbers of a slot before its tensors. */
const Field = {
  order: 0,
  job: 1,
  letter: 2,
  answerLetter: 3,
  startedAt: 4,
  endedAt: 5,
  bytesCopied: 6,
  lend: 7,
  count: 8,
} as const

/** Numbers of a tensor: address (0: no tensor), byte offset, elements, data type, rank, dimensions. */
const TENSOR_SIZE = 5 + MAX_RANK

export interface SlotTimes {
  readonly startedAt: number
  readonly endedAt: number
  readonly bytesCopied: number
}

/**
 * The requests and answers of one worker in memory that both sides see. A slot's numbers belong to main while it is `free` or
 * `done`, and to the worker while it is running; the state changes hand them over. All are Float64, exact to 2^53.
 */
export class Slots {
  readonly #states: Int32Array
  readonly #numbers: Float64Array
  readonly #size: number

  /**
   * @param buffer `Slots.bytes` long; zeros are free slots
   * @param tensors how many a slot describes, inputs and outputs together
   */
  constructor(
    readonly buffer: ArrayBufferLike,
    readonly count: number,
    tensors: number,
  ) {
    this.#size = Field.count + tensors * TENSOR_SIZE
    this.#numbers = new Float64Array(buffer, 0, count * this.#size)
    this.#states = new Int32Array(buffer, this.#numbers.byteLength, count)
  }

  static bytes(count: number, tensors: number): number {
    const numbers = Field.count + tensors * TENSOR_SIZE
    return count * (numbers * Float64Array.BYTES_PER_ELEMENT + Int32Array.BYTES_PER_ELEMENT)
  }

  state(slot: number): number {
    return Atomics.load(this.#states, slot)
  }

  setState(slot: number, state: number): void {
    Atomics.store(this.#states, slot, state)
  }

  /** True when the slot was in state `from` and now is in state `to`. */
  move(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#states, slot, from, to) === from
  }

  /** Takes the request that was sent first and marks it as running; -1 when there is none. */
  take(): number {
    for (;;) {
      let first = -1
      for (let slot = 0; slot < this.count; slot++) {
        if (this.state(slot) === State.ready && (first === -1 || this.order(slot) < this.order(first)))
          first = slot
      }
      // Main may have recalled it since.
      if (first === -1 || this.move(first, State.ready, State.running)) return first
    }
  }

  order(slot: number): number {
    return this.#get(slot, Field.order)
  }

  job(slot: number): number {
    return this.#get(slot, Field.job)
  }

  /** True when the tensors of the request travel in a message instead. */
  hasLetter(slot: number): boolean {
    return this.#get(slot, Field.letter) === 1
  }

  mayLend(slot: number): boolean {
    return this.#get(slot, Field.lend) === 1
  }

  /** True when the answer is an error or has tensors of its own, and so travels in a message. */
  hasAnswerLetter(slot: number): boolean {
    return this.#get(slot, Field.answerLetter) === 1
  }

  /** True when all of the answer is there. A letter can come later than the slot shows that it is done. */
  isAnswered(slot: number, letterCame: boolean): boolean {
    return this.state(slot) === State.done && (letterCame || !this.hasAnswerLetter(slot))
  }

  /** Times are put right where they cannot be: before the run was sent, or still to come. */
  times(slot: number, sentAt: number): SlotTimes {
    const endedAt = within(sentAt, this.#get(slot, Field.endedAt), now())
    const startedAt = within(sentAt, this.#get(slot, Field.startedAt), endedAt)
    return { startedAt, endedAt, bytesCopied: this.#get(slot, Field.bytesCopied) }
  }

  writeRequest(slot: number, order: number, run: { job: number; lend: boolean }, letter: boolean): void {
    const at = slot * this.#size
    this.#numbers[at + Field.order] = order
    this.#numbers[at + Field.job] = run.job
    this.#numbers[at + Field.lend] = run.lend ? 1 : 0
    this.#numbers[at + Field.letter] = letter ? 1 : 0
  }

  writeAnswer(slot: number, times: SlotTimes, letter: boolean): void {
    const at = slot * this.#size
    this.#numbers[at + Field.answerLetter] = letter ? 1 : 0
    this.#numbers[at + Field.startedAt] = times.startedAt
    this.#numbers[at + Field.endedAt] = times.endedAt
    this.#numbers[at + Field.bytesCopied] = times.bytesCopied
  }

  writeTensor(slot: number, position: number, tensor: Tensor | undefined, address: number): void {
    const numbers = this.#numbers
    let at = slot * this.#size + Field.count + position * TENSOR_SIZE
    numbers[at++] = address
    if (tensor === undefined) return
    const { dataType, shape } = tensor
    const data = tensor.data as NumericData
    numbers[at++] = data.byteOffset
    numbers[at++] = data.length
    numbers[at++] = DATA_TYPES.indexOf(dataType)
    numbers[at++] = shape.length
    for (let i = 0; i < shape.length; i++) numbers[at++] = shape[i] as number
  }

  readTensor(slot: number, position: number): NumericTensorMessage | undefined {
    const at = slot * this.#size + Field.count + position * TENSOR_SIZE
    const number = (i: number) => this.#numbers[at + i] as number
    const address = number(0)
    if (address === 0) return undefined
    const dataType = DATA_TYPES[number(3)] as NumericDataType
    const shape: number[] = []
    for (let i = 0; i < number(4); i++) shape.push(number(5 + i))
    return { dataType, shape, address, byteOffset: number(1), length: number(2) }
  }

  #get(slot: number, field: number): number {
    return this.#numbers[slot * this.#size + field] as number
  }
}

/** NaN stays what it is. */
function within(least: number, time: number, most: number): number {
  return Math.min(Math.max(time, least), most)
}
