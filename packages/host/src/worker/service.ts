import { now } from '@xpu-hal/core/backend'
import { encodeError } from '../error.js'
import type { AnyRunner, PipelinedRunner, RunnerAnswer, RunnerCall } from '../runner.js'
import { Word } from './control.js'
import type { Link } from './link.js'
import type { SlotAnswer } from './message.js'
import { packOutputs } from './outputs.js'
import { type Slots, State } from './slots.js'

/** Milliseconds between two looks at whether a `cancel` that is under way has returned. */
const LOOK_EVERY_MS = 0.1
const bed = new Int32Array(new SharedArrayBuffer(4))

/** A call that the runtime has. */
interface Flight {
  readonly slot: number
  readonly call: RunnerCall
  readonly sentAt: number
}

/** Takes the runs of one worker from their slots, has its runner execute them, and writes the answers. */
export class Service {
  /** Oldest first. */
  readonly #flights: Flight[] = []
  #endedAt = 0
  #lost = false

  constructor(
    private readonly slots: Slots,
    private readonly runner: AnyRunner,
    /** How many calls a pipelined runner holds. */
    private readonly depth: number,
    private readonly callIn: (slot: number) => RunnerCall,
    private readonly link: Link,
  ) {}

  /** Does the next thing there is to do. False: there is none. `seen`: the control block's `wake` before the last look. */
  step(seen: number): boolean {
    const { runner } = this
    if (this.#lost) return false
    if (runner.lost !== undefined && this.#flights.length === 0) {
      this.#lost = true
      this.link.post({ kind: 'lost', error: encodeError(runner.lost) })
      return false
    }
    if ('run' in runner) {
      const slot = this.slots.take()
      if (slot !== -1) this.#answer(slot, now(), () => this.#execute(slot, (call) => runner.run(call)))
      return slot !== -1
    }
    const room = this.#flights.length < this.depth && runner.lost === undefined
    const slot = room ? this.slots.take() : -1
    if (slot !== -1) this.#send(runner, slot)
    else if (this.#flights.length === 0) return false
    else if (!room || this.#isDue(runner.due(), seen)) this.#receive(runner)
    return true
  }

  /** Waits until an answer is due; false when something was sent to the worker meanwhile. */
  #isDue(due: number, seen: number): boolean {
    return due <= 0 || !this.link.sleep(seen, due)
  }

  #send(runner: PipelinedRunner, slot: number): void {
    const sentAt = now()
    try {
      const call = this.callIn(slot)
      runner.send(call)
      this.#flights.push({ slot, call, sentAt })
    } catch (error) {
      this.#answer(slot, sentAt, () => {
        throw error
      })
    }
  }

  #receive(runner: PipelinedRunner): void {
    const { slot, call, sentAt } = this.#flights.shift() as Flight
    // Behind another one it had to wait.
    const startedAt = Math.max(sentAt, this.#endedAt)
    this.#answer(slot, startedAt, () => ({ call, answer: runner.receive() }))
  }

  #execute(
    slot: number,
    run: (call: RunnerCall) => RunnerAnswer,
  ): { call: RunnerCall; answer: RunnerAnswer } {
    const call = this.callIn(slot)
    return { call, answer: run(call) }
  }

  #answer(
    slot: number,
    startedAt: number,
    result: () => { readonly call: RunnerCall; readonly answer: RunnerAnswer },
  ): void {
    let endedAt: number | undefined
    let bytesCopied = 0
    let letter: SlotAnswer | undefined
    try {
      const { call, answer } = result()
      endedAt = now()
      const { packed, bytesCopied: bytesPacked } = packOutputs(call, answer, (own) => this.link.share(own))
      bytesCopied = answer.bytesCopied + bytesPacked
      if (packed !== undefined) {
        letter = { kind: 'outputs', slot, ...packed }
        this.link.post(letter)
      }
    } catch (error) {
      endedAt ??= now()
      letter = { kind: 'failure', slot, error: encodeError(error) }
      this.link.post(letter)
    }
    this.#endedAt = endedAt
    this.slots.writeAnswer(slot, { startedAt, endedAt, bytesCopied }, letter !== undefined)
    this.#finish(slot)
    if (Atomics.exchange(this.link.control, Word.bell, 1) === 0) this.link.post(0)
  }

  /** A cancel that is under way must not hit the next run. */
  #finish(slot: number): void {
    if (this.slots.move(slot, State.running, State.done)) return
    while (this.slots.state(slot) === State.cancelling) Atomics.wait(bed, 0, 0, LOOK_EVERY_MS)
    this.slots.setState(slot, State.done)
  }
}
