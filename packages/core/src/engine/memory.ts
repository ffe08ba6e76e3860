import { types } from 'node:util'
import type { EngineDriver, TensorMemory } from '../backend.js'
import type { TensorInfo } from '../model.js'
import {
  byteLength,
  type DataType,
  elementCount,
  type NumericData,
  type NumericDataType,
  type Tensor,
  tensor,
  viewData,
} from '../tensor.js'

/** One tensor for each output, or `undefined` where nobody gave one and the size is not known before. */
export type OutputSet = readonly (Tensor | undefined)[]

/** Where the runs of one engine get their memory, and where it comes back to when nobody needs it any more. */
export class EngineMemory {
  readonly #outputs: OutputSet[] = []
  /** Oldest first, of any size: with dynamic shapes there is no end of sizes. */
  readonly #rooms: ArrayBufferLike[] = []
  readonly #place: TensorMemory

  constructor(
    private readonly driver: EngineDriver,
    private readonly runs: number,
  ) {
    this.#place = typeof driver.memory === 'string' ? places[driver.memory] : driver.memory
  }

  /** Memory that the driver reaches. */
  allocate(byteLength: number): ArrayBufferLike {
    return this.#place.allocate(byteLength)
  }

  /** A tensor of zeros, or empty strings, for this engine's runs. The shape is complete. */
  tensor(dataType: DataType, shape: readonly number[]): Tensor {
    if (dataType === 'string' || typeof this.driver.memory === 'string') return tensor(dataType, shape)
    const buffer = this.#place.allocate(byteLength(dataType, shape) as number)
    return { dataType, shape: [...shape], data: viewData(dataType, buffer, 0, elementCount(shape) as number) }
  }

  /** Memory for a run: inputs where the driver can reach them, and room for the outputs. */
  take(inputs: readonly Tensor[], callerOutputs: OutputSet | undefined): RunMemory {
    const reachable = inputs.map((input) => (this.#canReach(input) ? input : this.#copy(input)))
    const staged = reachable.filter((input, i) => input !== inputs[i])
    return new RunMemory(this, reachable, staged, this.takeOutputs(callerOutputs), callerOutputs)
  }

  /** The caller's tensors where the driver can write to them; tensors of the engine elsewhere. */
  takeOutputs(callerOutputs: OutputSet | undefined): OutputSet {
    if (callerOutputs === undefined)
      return this.#outputs.pop() ?? this.driver.outputs.map((info) => this.#output(info))
    return this.driver.outputs.map((info, i) => {
      const given = callerOutputs[i]
      return given !== undefined && this.#canReach(given) ? given : this.#output(info)
    })
  }

  /** Memory of this size that was used before, with what is left there, or new one. */
  room(byteLength: number): ArrayBufferLike {
    const found = this.#rooms.findLastIndex((buffer) => buffer.byteLength === byteLength)
    const [room = this.#place.allocate(byteLength)] = found < 0 ? [] : this.#rooms.splice(found, 1)
    return room
  }

  /** Nobody looks any more at tensors that were made in a {@link room}. */
  reuse(tensors: readonly Tensor[]): void {
    const { inputs, outputs } = this.driver
    for (const { data } of tensors) this.#rooms.push((data as NumericData).buffer)
    while (this.#rooms.length > this.runs * (inputs.length + outputs.length + 1)) this.#rooms.shift()
  }

  reuseOutputs(outputs: OutputSet): void {
    if (this.#outputs.length < this.runs) this.#outputs.push(outputs)
  }

  #canReach(tensor: Tensor): boolean {
    return tensor.dataType === 'string' || this.#place.reaches((tensor.data as NumericData).buffer)
  }

  #copy(input: Tensor): Tensor {
    const { dataType, shape } = input
    const data = input.data as NumericData
    const buffer = this.room(data.byteLength)
    const copy = { dataType, shape, data: viewData(dataType as NumericDataType, buffer, 0, data.length) }
    copyData(input, copy)
    return copy
  }

  #output({ dataType, shape }: TensorInfo): Tensor | undefined {
    return dataType === 'string' || byteLength(dataType, shape) === undefined
      ? undefined
      : this.tensor(dataType, shape)
  }
}

const places: Readonly<Record<'shared' | 'any', TensorMemory>> = {
  shared: { allocate: allocateShared, reaches: types.isSharedArrayBuffer },
  any: { allocate: allocateShared, reaches: () => true },
}

function allocateShared(byteLength: number): SharedArrayBuffer {
  return new SharedArrayBuffer(byteLength)
}

/**
 * The memory of one run. It is used again when two things have happened, in either order: the driver has let go of it,
 * and the run was delivered to somebody who does not keep its outputs.
 */
export class RunMemory {
  #released = false
  #delivered: { readonly kept: boolean } | undefined

  constructor(
    private readonly home: EngineMemory,
    readonly inputs: readonly Tensor[],
    /** Those of the inputs that are copies. */
    private readonly staged: readonly Tensor[],
    readonly outputs: OutputSet,
    readonly callerOutputs: OutputSet | undefined,
  ) {}

  get bytesCopied(): number {
    return this.staged.reduce((sum, { data }) => sum + (data as NumericData).byteLength, 0)
  }

  /** The driver neither reads nor writes it any more. */
  released(): void {
    if (this.#released) return
    this.#released = true
    this.home.reuse(this.staged)
    this.#reuse()
  }

  /** `kept`: somebody owns the outputs from now on, or will when they are collected. */
  delivered(kept: boolean): void {
    if (this.#delivered !== undefined) return
    this.#delivered = { kept }
    this.#reuse()
  }

  #reuse(): void {
    if (!this.#released || this.#delivered?.kept !== false) return
    if (this.callerOutputs === undefined) this.home.reuseOutputs(this.outputs)
  }
}

/** Copies the elements of one tensor into another of the same type and size, and gives the number of bytes. */
export function copyData(from: Tensor, to: Tensor): number {
  if (from.dataType === 'string') {
    const strings = from.data as string[]
    const target = to.data as string[]
    for (let i = 0; i < strings.length; i++) target[i] = strings[i] as string
    return strings.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  }
  const source = from.data as NumericData
  const target = to.data as NumericData
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(
    new Uint8Array(source.buffer, source.byteOffset, source.byteLength),
  )
  return source.byteLength
}
