import { type DriverRun, HalError, type Lane, type SyncRequest, type Tensor } from '@xpu-hal/core/backend'
import { decodeError } from '../error.js'
import type { RunnerModule } from '../runner.js'
import { stringBytes } from '../string.js'
import { weighTensor } from './ballast.js'
import { BufferIds } from './buffers.js'
import type { SlotAnswer } from './message.js'
import { type PackedOutputs, unpackOutputs } from './outputs.js'
import { type Slots, State } from './slots.js'
import type { AnswerListener, WorkerThread } from './worker-thread.js'

interface Flight {
  readonly run: DriverRun
  readonly slot: number
  /** Bytes of strings that went to the worker. */
  readonly bytesCopied: number
  letter?: SlotAnswer
}

/** The runs of one worker thread, as main sees them. */
export class ThreadLane implements Lane, AnswerListener {
  readonly depth: number
  readonly #buffers = new BufferIds(() => queueMicrotask(() => this.#tellDropped()))
  /** In the order in which they were sent. */
  readonly #flights: Flight[] = []
  #order = 0
  #drained: (() => void)[] = []

  constructor(
    readonly thread: WorkerThread,
    readonly slots: Slots,
    readonly cancelToken: bigint | undefined,
    /** Whether slots can describe requests: not where the model's inputs have no names before the run. */
    readonly inputsKnown: boolean,
    private readonly borrow: RunnerModule['borrow'],
  ) {
    this.depth = slots.count
    thread.listener = this
  }

  get core(): string {
    return this.thread.core
  }

  start(run: DriverRun): void {
    try {
      this.#send(run)
    } catch (error) {
      run.fail(error)
    }
  }

  recall(run: DriverRun): boolean {
    const at = this.#flights.findIndex((flight) => flight.run === run)
    const flight = this.#flights[at]
    if (flight === undefined || !this.slots.move(flight.slot, State.ready, State.free)) return false
    this.#flights.splice(at, 1)
    this.#rest()
    return true
  }

  cancel(run: DriverRun, stop: (token: bigint, job: number) => void): void {
    const flight = this.#flights.find((flight) => flight.run === run)
    if (flight === undefined || this.cancelToken === undefined) return
    if (!this.slots.move(flight.slot, State.running, State.cancelling)) return
    try {
      stop(this.cancelToken, run.job)
    } finally {
      this.slots.cancelled(flight.slot)
    }
  }

  /** Resolves when no run is in flight. */
  drained(): Promise<void> {
    if (this.#flights.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  onAnswer(answer?: SlotAnswer): void {
    if (answer !== undefined) {
      const flight = this.#flights.find((flight) => flight.slot === answer.slot)
      if (flight !== undefined) flight.letter = answer
    }
    this.#settle()
  }

  onLost(error: HalError): void {
    this.#settle()
    for (const { run } of this.#flights.splice(0)) run.fail(error)
    this.#rest()
  }

  #settle(): void {
    for (let flight = this.#answered(); flight !== undefined; flight = this.#answered()) {
      const { run, slot, letter } = flight
      const { startedAt, endedAt, bytesCopied: bytes } = this.slots.times(slot)
      this.#flights.splice(this.#flights.indexOf(flight), 1)
      this.slots.setState(slot, State.free)
      this.#rest()
      if (letter?.kind === 'failure') {
        run.fail(decodeError(letter.error))
        continue
      }
      const bytesCopied = bytes + flight.bytesCopied
      const outputNames = letter?.outputNames
      let outputs: readonly Tensor[]
      try {
        outputs = this.#outputs(run, letter)
      } catch (error) {
        run.fail(error)
        continue
      }
      run.done({ outputs, ...(outputNames && { outputNames }), startedAt, endedAt, bytesCopied })
    }
  }

  #outputs(run: DriverRun, letter: PackedOutputs | undefined): readonly Tensor[] {
    if (letter === undefined) return run.outputs as Tensor[]
    if (letter.loan === undefined) return unpackOutputs(run.outputs, letter.outputs)
    if (this.borrow !== undefined) return this.borrow(letter.loan)
    throw new HalError('HAL_INTERNAL', 'the runner lends outputs, but its module does not export borrow')
  }

  /**
   * A run whose answer is complete. Not always the first: a run in a slot that was recalled while the worker looked at it
   * may overtake. A letter comes after the doorbell of an earlier run that shows its slot already.
   */
  #answered(): Flight | undefined {
    return this.#flights.find(
      ({ slot, letter }) =>
        this.slots.state(slot) === State.done && (letter !== undefined || !this.slots.hasAnswerLetter(slot)),
    )
  }

  #rest(): void {
    if (this.#flights.length > 0) return
    this.thread.keepProcess(false)
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  #send(run: DriverRun): void {
    if (this.thread.lost !== undefined) throw this.thread.lost
    const slot = this.slots.free()
    if (slot === -1)
      throw new HalError('HAL_INTERNAL', `lane ${run.lane} got more than ${this.depth} runs at once`)
    const bytesCopied = this.#write(slot, run)
    if (this.#flights.push({ run, slot, bytesCopied }) === 1) this.thread.keepProcess(true)
    this.slots.setState(slot, State.ready)
    this.thread.wake()
  }

  /** Puts a request where the worker will find it, and gives the bytes of strings that were copied. */
  #write(slot: number, run: DriverRun): number {
    const letter = !this.inputsKnown || run.inputs.some(isString) || run.outputs.some(isString)
    this.slots.writeRequest(slot, ++this.#order, run, letter)
    if (letter) {
      this.thread.post({ kind: 'request', slot, request: plain(run) })
      return run.inputs.reduce((bytes, input) => bytes + stringBytes(input), 0)
    }
    let position = 0
    for (const input of run.inputs) this.#writeTensor(slot, position++, input)
    for (const output of run.outputs) this.#writeTensor(slot, position++, output)
    const news = this.#buffers.news()
    if (news !== undefined) this.thread.post(news)
    return 0
  }

  #writeTensor(slot: number, position: number, tensor: Tensor | undefined): void {
    const id = tensor === undefined ? 0 : this.#buffers.idOf((tensor.data as Uint8Array).buffer)
    this.slots.writeTensor(slot, position, tensor, id)
  }

  #tellDropped(): void {
    const news = this.#buffers.news()
    if (news === undefined || this.thread.lost !== undefined) return
    this.thread.post(news)
    this.thread.wake()
  }
}

function isString(tensor: Tensor | undefined): boolean {
  return tensor?.dataType === 'string'
}

/** A request with nothing but what survives structured cloning. */
function plain(request: SyncRequest): SyncRequest {
  const bare = ({ dataType, shape, data }: Tensor): Tensor => {
    const copy = { dataType, shape, data }
    weighTensor(copy)
    return copy
  }
  return {
    inputs: request.inputs.map(bare),
    inputNames: request.inputNames,
    outputs: request.outputs.map((output) => output && bare(output)),
  }
}
