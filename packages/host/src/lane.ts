import { type DriverRun, HalError, type Lane, now, type Tensor } from '@xpu-hal/core/backend'
import { decodeError } from './error.js'
import type { Limits } from './options.js'
import type { RunnerModule } from './runner.js'
import { Watchdog } from './watchdog.js'
import type { SlotAnswer } from './worker/message.js'
import type { Outbox } from './worker/outbox.js'
import { type OutputsMessage, unpackOutputs } from './worker/outputs.js'
import type { AnswerListener, Loss, RemoteWorker } from './worker/remote-worker.js'
import { type Slots, State } from './worker/slots.js'

interface Flight {
  readonly run: DriverRun
  readonly slot: number
  /** Bytes of strings that went to the worker. */
  readonly bytesCopied: number
  readonly sentAt: number
  letter?: SlotAnswer
  /** The watchdog has seen its slot done, but main no whole answer. */
  overdue?: boolean
}

/** A worker whose runner is open. */
export interface Connection {
  readonly worker: RemoteWorker
  readonly slots: Slots
  readonly outbox: Outbox
  readonly cancelToken: bigint | undefined
}

/** The runs of one core of the engine, as main sees them, whichever worker serves them. */
export class WorkerLane implements Lane, AnswerListener {
  /** Told before the runs in flight are failed or given back. */
  onDown: (error: HalError, loss: Loss, worker: RemoteWorker) => void = () => {}
  #connection: Connection | undefined
  #loss: HalError | undefined
  /** In the order in which they were sent. */
  readonly #flights: Flight[] = []
  readonly #watchdog: Watchdog
  /** Since its worker is there. */
  #answered = false
  #uselessWorkers = 0
  #drained: (() => void)[] = []

  constructor(
    readonly core: string,
    readonly depth: number,
    private readonly module: Partial<RunnerModule>,
    { run, interrupt }: Limits,
  ) {
    this.#watchdog = new Watchdog([
      ...(interrupt === undefined ? [] : [{ after: interrupt, act: () => this.#interrupt() }]),
      ...(run === undefined ? [] : [{ after: run, act: () => this.#giveUp(run) }]),
    ])
  }

  /** How many workers in a row were lost before they had answered a run. */
  get uselessWorkers(): number {
    return this.#uselessWorkers
  }

  /** Missing while its worker is lost. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  get worker(): RemoteWorker | undefined {
    return this.#connection?.worker
  }

  connect(connection: Connection): void {
    this.#connection = connection
    connection.worker.listener = this
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
    if (flight === undefined || this.#connection?.slots.move(flight.slot, State.ready, State.free) !== true) {
      return false
    }
    this.#flights.splice(at, 1)
    this.#rest()
    return true
  }

  cancel(run: DriverRun): void {
    const flight = this.#flights.find((flight) => flight.run === run)
    const { cancel } = this.module
    if (flight === undefined || cancel === undefined || this.#connection?.cancelToken === undefined) return
    const { slots, cancelToken } = this.#connection
    if (!slots.move(flight.slot, State.running, State.cancelling)) return
    try {
      cancel(cancelToken, run.job)
    } finally {
      slots.setState(flight.slot, State.cancelled)
    }
  }

  /** Resolves when no run is in flight. */
  drained(): Promise<void> {
    if (this.#flights.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  end(): void {
    this.#watchdog.end()
  }

  onAnswer(answer?: SlotAnswer): void {
    if (answer !== undefined) {
      const flight = this.#flights.find((flight) => flight.slot === answer.slot)
      if (flight !== undefined) flight.letter = answer
    }
    this.#settle()
  }

  onLost(error: HalError, loss: Loss): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.#settle()
    this.#connection = undefined
    if (this.#answered) this.#uselessWorkers = 0
    else this.#uselessWorkers++
    this.#answered = false
    this.#loss = error
    connection.worker.keepProcess(false)
    this.onDown(error, loss, connection.worker)
    for (const { run, slot } of this.#flights.splice(0)) {
      if (loss !== 'fatal' && connection.slots.move(slot, State.ready, State.free)) run.giveBack()
      else if (loss === 'stuck') run.lose(error)
      else run.fail(error)
    }
    this.#rest()
  }

  #settle(): void {
    const connection = this.#connection
    if (connection === undefined) return
    const { slots, worker } = connection
    for (let flight = this.#nextAnswered(slots); flight !== undefined; flight = this.#nextAnswered(slots)) {
      const { run, slot, letter, bytesCopied: bytesSent, sentAt } = flight
      const { startedAt, endedAt, bytesCopied: bytes } = slots.times(slot, sentAt)
      this.#flights.splice(this.#flights.indexOf(flight), 1)
      slots.setState(slot, State.free)
      this.#watchdog.progress()
      this.#answered = true
      this.#rest()
      if (letter?.kind === 'failure') {
        run.fail(decodeError(letter.error))
        continue
      }
      const bytesCopied = bytes + bytesSent
      const outputNames = letter?.outputNames
      let outputs: readonly Tensor[]
      try {
        outputs = this.#outputs(run, letter, worker)
      } catch (error) {
        run.fail(error)
        continue
      }
      run.done({ outputs, ...(outputNames && { outputNames }), startedAt, endedAt, bytesCopied })
    }
  }

  #outputs(run: DriverRun, letter: OutputsMessage | undefined, worker: RemoteWorker): readonly Tensor[] {
    if (letter === undefined) return run.outputs as Tensor[]
    if (letter.loan === undefined) {
      return unpackOutputs(run.outputs, letter.outputs, (dataType, data) => worker.receive(dataType, data))
    }
    if (this.module.borrow !== undefined) return this.module.borrow(letter.loan)
    throw new HalError('HAL_INTERNAL', 'the runner lends outputs, but its module does not export borrow')
  }

  /**
   * A run whose answer is complete. Not always the first: a run in a slot that was recalled while the worker looked at it
   * may overtake. A letter comes after the doorbell of an earlier run that shows its slot already.
   */
  #nextAnswered(slots: Slots): Flight | undefined {
    return this.#flights.find(({ slot, letter }) => slots.isAnswered(slot, letter !== undefined))
  }

  #rest(): void {
    if (this.#flights.length > 0) return
    this.#watchdog.rest()
    this.worker?.keepProcess(false)
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  #send(run: DriverRun): void {
    const connection = this.#connection
    if (connection === undefined) throw this.#loss
    const { worker, slots, outbox } = connection
    if (worker.lost !== undefined) throw worker.lost
    const slot = this.#freeSlot()
    if (slot === this.depth)
      throw new HalError('HAL_INTERNAL', `lane ${run.lane} got more than ${this.depth} runs at once`)
    const sentAt = now()
    const bytesCopied = outbox.write(slot, run)
    if (this.#flights.push({ run, slot, bytesCopied, sentAt }) === 1) {
      worker.keepProcess(true)
      this.#watchdog.progress()
    }
    slots.setState(slot, State.ready)
    worker.wake()
  }

  /** By main's own books: the states of slots lie where a worker can write. */
  #freeSlot(): number {
    for (let slot = 0; ; slot++) if (!this.#flights.some((flight) => flight.slot === slot)) return slot
  }

  #interrupt(): void {
    const token = this.#connection?.cancelToken
    if (!this.#hasGotOn() && token !== undefined) this.module.interrupt?.(token)
  }

  #giveUp(limit: number): void {
    if (this.#hasGotOn()) return
    this.worker?.giveUp(`a run has not come back from the runtime for ${limit} ms`)
  }

  /**
   * Where the event loop stood still, answers may lie there that main has not seen yet: that is no reason for alarm. A message
   * that belongs to one may be on its way, but not for ever.
   */
  #hasGotOn(): boolean {
    const slots = this.#connection?.slots
    const { length } = this.#flights
    this.#settle()
    const done = this.#flights.filter(({ slot, overdue }) => !overdue && slots?.state(slot) === State.done)
    for (const flight of done) flight.overdue = true
    if (done.length > 0) this.#watchdog.progress()
    return done.length > 0 || this.#flights.length < length
  }
}
