import type { TensorInfo } from '../../model.js'
import {
  byteLength,
  elementCount,
  type NumericData,
  type NumericDataType,
  type Tensor,
  viewData,
} from '../../tensor.js'
import { type EngineMemory, type OutputSet, RunMemory } from '../memory.js'
import type { Batch } from './batch.js'
import { copyRows } from './rows.js'

/** The tensors of a batch. */
export interface BatchMemory {
  readonly inputs: readonly Tensor[]
  readonly outputs: OutputSet
  readonly bytesCopied: number
  free(): void
}

/** The memory of a request in a batch: where it is alone there, that of the execution is its own. */
export class MemberMemory extends RunMemory {
  #own: RunMemory | undefined
  #delivered: boolean | undefined

  own(memory: RunMemory): void {
    this.#own = memory
    if (this.#delivered !== undefined) memory.delivered(this.#delivered)
  }

  override released(): void {}

  override delivered(kept: boolean): void {
    this.#delivered ??= kept
    this.#own?.delivered(kept)
  }
}

/** The tensors of one request, as they are. */
export function aloneMemory(batch: Batch, memory: EngineMemory): BatchMemory {
  const { job } = (batch.alone as NonNullable<Batch['alone']>).member
  const own = memory.take(job.inputs, job.memory.callerOutputs)
  ;(job.memory as MemberMemory).own(own)
  const { inputs, outputs, bytesCopied } = own
  return { inputs, outputs, bytesCopied, free: () => own.released() }
}

/** The rows of all parts one after the other, and room for those of the answer. */
export function joinedMemory(
  { parts, rows }: Batch,
  outputs: readonly TensorInfo[],
  memory: EngineMemory,
): BatchMemory {
  const rooms: Tensor[] = []
  const make = (dataType: Tensor['dataType'], row: readonly number[]): Tensor => {
    const shape = [rows, ...row]
    const tensor = dataType === 'string' ? memory.tensor(dataType, shape) : room(dataType, shape, memory)
    if (dataType !== 'string') rooms.push(tensor)
    return tensor
  }
  let bytesCopied = 0
  const [first] = parts
  const inputs = (first?.member.job.inputs ?? []).map(({ dataType, shape }, i) => {
    const joined = make(dataType, shape.slice(1))
    let at = 0
    for (const { member, from, rows } of parts) {
      bytesCopied += copyRows(member.job.inputs[i] as Tensor, from, joined, at, rows)
      at += rows
    }
    return joined
  })
  const targets = outputs.map(({ dataType, shape: [, ...row] }) =>
    dataType === 'string' || byteLength(dataType, row) === undefined ? undefined : make(dataType, row),
  )
  return { inputs, outputs: targets, bytesCopied, free: () => memory.reuse(rooms) }
}

/** Sizes are powers of two in rows, so that the memory of one batch serves the next one. */
function room(dataType: NumericDataType, shape: readonly number[], memory: EngineMemory): Tensor {
  const [rows = 0, ...row] = shape
  const whole = [2 ** Math.ceil(Math.log2(rows)), ...row]
  const buffer = memory.room(byteLength(dataType, whole) as number)
  const data: NumericData = viewData(dataType, buffer, 0, elementCount(shape) as number)
  return { dataType, shape, data }
}
