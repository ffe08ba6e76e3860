import type { Outputs } from '../../engine.js'
import { HalError } from '../../errors.js'
import type { Tensor } from '../../tensor.js'
import { describe, shapeFits } from '../../tensor-check.js'
import type { Job } from '../job.js'
import type { EngineMemory } from '../memory.js'
import type { Batch } from './batch.js'
import { copyRows } from './rows.js'

/** Rows of a request that are executed together. */
export interface Part {
  readonly member: Member
  /** The first of its rows in the request. */
  readonly from: number
  readonly rows: number
  batch: Batch | undefined
  /** Its worker was lost, and it is executed once more. */
  repeated: boolean
}

/** A request of an engine that batches: in one part, or in several where it has more rows than an execution takes. */
export class Member {
  readonly parts: readonly Part[]
  #missing: number
  #outputs: Outputs | undefined

  constructor(
    readonly job: Job,
    readonly rows: number,
    maxSize: number,
  ) {
    const parts: Part[] = []
    for (let from = 0; from < rows; from += maxSize) {
      parts.push({
        member: this,
        from,
        rows: Math.min(maxSize, rows - from),
        batch: undefined,
        repeated: false,
      })
    }
    this.parts = parts
    this.#missing = parts.length
  }

  /**
   * Takes its rows out of the outputs of a batch, where they begin at `row`.
   * @returns the bytes copied
   * @throws HalError HAL_INVALID_ARGUMENT when they do not fit into the caller's tensors, HAL_DATA_LOSS when they do not fit
   * those of other parts
   */
  take(part: Part, outputs: Outputs, row: number, memory: EngineMemory): number {
    this.#outputs ??= this.#prepare(outputs, memory)
    let bytes = 0
    for (const [name, tensor] of Object.entries(outputs)) {
      const target = this.#outputs[name] as Tensor
      const wanted = [this.rows, ...tensor.shape.slice(1)]
      if (tensor.dataType !== target.dataType || !shapeFits(wanted, target.shape)) {
        const came = `output '${name}' is ${describe(tensor.dataType, wanted)}`
        const own = this.job.memory.callerOutputs !== undefined
        throw new HalError(
          own ? 'HAL_INVALID_ARGUMENT' : 'HAL_DATA_LOSS',
          `${came}, ${own ? 'your tensor for it' : 'other rows of the request'} ${describe(target.dataType, target.shape)}`,
        )
      }
      bytes += copyRows(tensor, row, target, part.from, part.rows)
    }
    this.#missing--
    return bytes
  }

  /** Complete once every part has its rows. */
  get outputs(): Outputs | undefined {
    return this.#missing === 0 ? this.#outputs : undefined
  }

  #prepare(outputs: Outputs, memory: EngineMemory): Outputs {
    const given = this.job.memory.callerOutputs
    const own = Object.entries(outputs).map(([name, { dataType, shape }], i) => {
      const tensor = given?.[i] ?? memory.tensor(dataType, [this.rows, ...shape.slice(1)])
      return [name, tensor] as const
    })
    return Object.fromEntries(own)
  }
}
