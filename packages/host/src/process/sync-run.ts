import {
  type NumericData,
  type NumericDataType,
  now,
  type RunAnswer,
  type SyncRequest,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import { decodeError } from '../error.js'
import type { Connection } from '../lane.js'
import type { SlotAnswer } from '../worker/message.js'
import { unpackOutputs } from '../worker/outputs.js'
import { State } from '../worker/slots.js'
import type { Arena } from './arena.js'

/** A run that the calling thread waits for. It has the last slot of the worker, and goes before runs that are at hand. */
export class SyncRun {
  readonly slot: number
  readonly #bytesCopied: number
  readonly #sentAt = now()
  #letter: SlotAnswer | undefined

  constructor(
    private readonly connection: Connection,
    private readonly request: SyncRequest,
    arena: Arena,
  ) {
    const { slots, outbox, worker } = connection
    this.slot = slots.count - 1
    let bytesCopied = 0
    const inputs = request.inputs.map((input) => {
      const reached = reachable(input, arena)
      if (reached !== input) bytesCopied += (input.data as NumericData).byteLength
      return reached
    })
    bytesCopied += outbox.write(this.slot, { ...request, inputs, job: 0, lend: false }, 0)
    this.#bytesCopied = bytesCopied
    slots.setState(this.slot, State.ready)
    worker.wake()
  }

  take(letter: SlotAnswer): void {
    this.#letter = letter
  }

  get answered(): boolean {
    return this.connection.slots.isAnswered(this.slot, this.#letter !== undefined)
  }

  /** @throws what the runner threw */
  answer(): RunAnswer {
    const { slots, worker } = this.connection
    const letter = this.#letter
    const { startedAt, endedAt, bytesCopied } = slots.times(this.slot, this.#sentAt)
    slots.setState(this.slot, State.free)
    if (letter?.kind === 'failure') throw decodeError(letter.error)
    const given = this.request.outputs
    const receive = (dataType: NumericDataType, data: Parameters<typeof worker.receive>[1]) =>
      worker.receive(dataType, data)
    const outputs = letter === undefined ? (given as Tensor[]) : unpackOutputs(given, letter.outputs, receive)
    const outputNames = letter?.outputNames
    return {
      outputs,
      ...(outputNames && { outputNames }),
      startedAt,
      endedAt,
      bytesCopied: bytesCopied + this.#bytesCopied,
    }
  }
}

/** A tensor that the worker sees: this one, or a copy. */
function reachable(tensor: Tensor, arena: Arena): Tensor {
  const { dataType, shape } = tensor
  if (dataType === 'string') return tensor
  const { buffer, byteOffset, byteLength, length } = tensor.data as NumericData
  if (arena.offsetOf(buffer) !== undefined) return tensor
  const copy = arena.allocate(byteLength)
  new Uint8Array(copy).set(new Uint8Array(buffer, byteOffset, byteLength))
  return { dataType, shape, data: viewData(dataType as NumericDataType, copy, 0, length) }
}
