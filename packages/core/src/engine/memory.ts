import type { TensorInfo } from '../model.js'
import {
  byteLength,
  bytesPerElement,
  type NumericData,
  type NumericDataType,
  type Tensor,
  viewData,
} from '../tensor.js'

/** Tensors start on a cache line, which is what vendors' runtimes ask for at most. */
const ALIGNMENT = 64
/** Small tensors share a buffer, because a SharedArrayBuffer of its own costs a mapping and a message to each worker. */
const SLAB_BYTES = 64 * 1024
const SMALL_BYTES = 4 * 1024

/** Carves zeroed tensors out of shared memory. A slab lives as long as one tensor on it does. */
export class SharedMemory {
  #slab = new SharedArrayBuffer(0)
  #used = 0

  tensor(dataType: NumericDataType, shape: readonly number[]): Tensor {
    const size = byteLength(dataType, shape) as number
    const length = size / bytesPerElement(dataType)
    if (size > SMALL_BYTES)
      return { dataType, shape, data: viewData(dataType, new SharedArrayBuffer(size), 0, length) }
    if (this.#used + size > this.#slab.byteLength)
      [this.#slab, this.#used] = [new SharedArrayBuffer(SLAB_BYTES), 0]
    const data = viewData(dataType, this.#slab, this.#used, length)
    this.#used += Math.ceil(size / ALIGNMENT) * ALIGNMENT
    return { dataType, shape, data }
  }
}

/** The memory for the outputs of one run: a tensor where size and type are known before, else `undefined`. */
export type OutputSet = readonly (Tensor | undefined)[]

/** Gives out sets of output tensors and takes back those that nobody keeps. */
export class OutputPool {
  readonly #free: OutputSet[] = []

  constructor(
    private readonly infos: readonly TensorInfo[],
    private readonly memory: SharedMemory,
    private readonly capacity: number,
  ) {}

  take(): OutputSet {
    return (
      this.#free.pop() ??
      this.infos.map(({ dataType, shape }) => {
        if (dataType === 'string' || byteLength(dataType, shape) === undefined) return undefined
        return this.memory.tensor(dataType, [...shape])
      })
    )
  }

  recycle(set: OutputSet): void {
    if (this.#free.length < this.capacity) this.#free.push(set)
  }
}

export function isShared(tensor: Tensor): boolean {
  return tensor.dataType === 'string' || (tensor.data as NumericData).buffer instanceof SharedArrayBuffer
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

/** Shared copies of input tensors that came on ordinary memory, used again when the driver has let go of them. */
export class Staging {
  /** Oldest first, of any size: with dynamic shapes there is no end of sizes. */
  readonly #free: SharedArrayBuffer[] = []

  constructor(private readonly capacity: number) {}

  /** A copy of `tensor` on shared memory. */
  take(tensor: Tensor): Tensor {
    const { dataType, shape } = tensor
    const data = tensor.data as NumericData
    const found = this.#free.findLastIndex(({ byteLength }) => byteLength === data.byteLength)
    const [buffer = new SharedArrayBuffer(data.byteLength)] = found < 0 ? [] : this.#free.splice(found, 1)
    const copy = { dataType, shape, data: viewData(dataType as NumericDataType, buffer, 0, data.length) }
    copyData(tensor, copy)
    return copy
  }

  giveBack(tensor: Tensor): void {
    this.#free.push((tensor.data as NumericData).buffer as SharedArrayBuffer)
    if (this.#free.length > this.capacity) this.#free.shift()
  }
}
