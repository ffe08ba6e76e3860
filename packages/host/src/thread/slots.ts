import {
  DATA_TYPES,
  MAX_RANK,
  type NumericData,
  type NumericDataType,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'

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

/** The words of the control block, which both threads touch with Atomics only. */
export const Word = {
  /** Counts what was sent to the worker; it sleeps on this word. */
  wake: 0,
  /** Counts the messages posted to the worker, which it has no event loop to be told of. */
  mail: 1,
  /** 1 while a doorbell message is on its way to main. */
  bell: 2,
  /** 1 while the worker is in the hands of its runner's module. */
  busy: 3,
  /** First of the states of the slots. */
  state: 4,
} as const

/** The control block of a worker with that many slots. */
export function createControl(slots: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer((Word.state + slots) * Int32Array.BYTES_PER_ELEMENT))
}

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

/** Numbers of a tensor: buffer id (0: no tensor), byte offset, elements, data type, rank, dimensions. */
const TENSOR_SIZE = 5 + MAX_RANK

export interface SlotTimes {
  readonly startedAt: number
  readonly endedAt: number
  readonly bytesCopied: number
}

/**
 * The requests and answers of one worker in shared memory. A slot's numbers belong to main while it is `free` or
 * `done`, and to the worker while it is running; the state changes hand them over. All are Float64, exact to 2^53.
 */
export class Slots {
  /** How many there are. */
  readonly count: number
  readonly #numbers: Float64Array
  readonly #size: number

  /** `tensors`: how many a slot describes, inputs and outputs together. */
  constructor(
    readonly control: Int32Array,
    readonly buffer: SharedArrayBuffer,
    tensors: number,
  ) {
    this.count = control.length - Word.state
    this.#numbers = new Float64Array(buffer)
    this.#size = Field.count + tensors * TENSOR_SIZE
  }

  /** For a runner that has no runs yet: all slots are free. */
  static allocate(control: Int32Array, tensors: number): Slots {
    const slots = control.length - Word.state
    control.fill(State.free, Word.state)
    const bytes = slots * (Field.count + tensors * TENSOR_SIZE) * Float64Array.BYTES_PER_ELEMENT
    return new Slots(control, new SharedArrayBuffer(bytes), tensors)
  }

  state(slot: number): number {
    return Atomics.load(this.control, Word.state + slot)
  }

  setState(slot: number, state: number): void {
    Atomics.store(this.control, Word.state + slot, state)
  }

  /** True when the slot was in state `from` and now is in state `to`. */
  move(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.control, Word.state + slot, from, to) === from
  }

  /** Ends `cancelling`, and lets the worker go on if it is waiting for that. */
  cancelled(slot: number): void {
    this.setState(slot, State.cancelled)
    Atomics.notify(this.control, Word.state + slot)
  }

  /** A slot that is free, or -1. */
  free(): number {
    for (let slot = 0; slot < this.count; slot++) if (this.state(slot) === State.free) return slot
    return -1
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

  times(slot: number): SlotTimes {
    return {
      startedAt: this.#get(slot, Field.startedAt),
      endedAt: this.#get(slot, Field.endedAt),
      bytesCopied: this.#get(slot, Field.bytesCopied),
    }
  }

  writeRequest(slot: number, order: number, run: { job: number; lend?: boolean }, letter: boolean): void {
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

  writeTensor(slot: number, position: number, tensor: Tensor | undefined, bufferId: number): void {
    const numbers = this.#numbers
    let at = slot * this.#size + Field.count + position * TENSOR_SIZE
    numbers[at++] = bufferId
    if (tensor === undefined) return
    const { dataType, shape } = tensor
    const data = tensor.data as NumericData
    numbers[at++] = data.byteOffset
    numbers[at++] = data.length
    numbers[at++] = DATA_TYPES.indexOf(dataType)
    numbers[at++] = shape.length
    for (let i = 0; i < shape.length; i++) numbers[at++] = shape[i] as number
  }

  readTensor(
    slot: number,
    position: number,
    bufferOf: (id: number) => SharedArrayBuffer,
  ): Tensor | undefined {
    const at = slot * this.#size + Field.count + position * TENSOR_SIZE
    const number = (i: number) => this.#numbers[at + i] as number
    const id = number(0)
    if (id === 0) return undefined
    const dataType = DATA_TYPES[number(3)] as NumericDataType
    const shape: number[] = []
    for (let i = 0; i < number(4); i++) shape.push(number(5 + i))
    return { dataType, shape, data: viewData(dataType, bufferOf(id), number(1), number(2)) }
  }

  #get(slot: number, field: number): number {
    return this.#numbers[slot * this.#size + field] as number
  }
}
