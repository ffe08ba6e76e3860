import {
  bytesPerElement,
  elementCount,
  HalError,
  MAX_RANK,
  type NumericData,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import { numericType } from '../data-types.js'
import type { Pointer } from './calls.js'
import { free, read, stringLength, usableSize } from './libc.js'
import type { Loan } from './loan.js'
import * as scratch from './scratch.js'
import { bytesOf, Member, STRUCT_BYTES } from './tensors-struct.js'

/** More than any model has; beyond, the struct is damaged. */
const MAX_TENSORS = 4096
const MAX_NAME_BYTES = 4096
const MAX_TENSOR_BYTES = 2 ** 36

/** One tensor in the memory of the runtime. */
interface NativeTensor {
  readonly name: string
  readonly dataType: NonNullable<ReturnType<typeof numericType>>
  readonly shape: readonly number[]
  readonly count: number
  readonly data: Pointer
}

/** A `tensors_struct` that a runtime filled, checked before anything is read that it points to. */
export class NativeOutput {
  readonly tensors: readonly NativeTensor[]
  private readonly blocks: Pointer[] = []

  /**
   * @param allocated every block is one of the C allocator, whose sizes are checked
   * @param giveBack hands the struct back to the runtime; missing: `release` frees the blocks
   * @throws HalError HAL_DATA_LOSS when it is malformed. It is not freed then, for nobody knows what is in it.
   */
  constructor(
    private readonly struct: Pointer,
    private readonly allocated: boolean,
    private readonly giveBack?: (struct: Pointer) => void,
  ) {
    scratch.rewind()
    const { words, integers } = scratch
    const members = this.list(struct, STRUCT_BYTES, 'tensors_struct') / 8
    const count = Number(words[members + Member.count])
    if (count > MAX_TENSORS) throw damaged(`it says that it has ${count} tensors`)
    const list = (member: number, size: number, what: string) =>
      this.list(words[members + member] as Pointer, count * size, what) / size
    const names = list(Member.names, 8, 'names')
    const types = list(Member.dataTypes, 4, 'data_types')
    const ranks = list(Member.ranks, 8, 'ranks')
    const shapes = list(Member.shapes, 8, 'shapes')
    const data = list(Member.data, 8, 'data')
    const tensors: NativeTensor[] = []
    for (let i = 0; i < count; i++) {
      const name = this.nameAt(words[names + i] as Pointer, i)
      const shape = this.shapeAt(words[shapes + i] as Pointer, Number(words[ranks + i]), name)
      tensors.push(this.tensorAt(name, integers[types + i] as number, shape, words[data + i] as Pointer))
    }
    this.tensors = tensors
  }

  /** Copies tensor `index` to `given` where that fits, else to a new SharedArrayBuffer. */
  copy(index: number, given: Tensor | undefined): Tensor {
    const { dataType, shape, count, data } = this.tensors[index] as NativeTensor
    const target =
      given?.dataType === dataType && given.shape.join() === shape.join()
        ? given
        : { dataType, shape, data: viewData(dataType, shared(count * bytesPerElement(dataType)), 0, count) }
    read(bytesOf(target.data as NumericData), data)
    return target
  }

  /** Whether the blocks are the caller's to give away. */
  get canLend(): boolean {
    return this.allocated && this.giveBack === undefined
  }

  /** Gives the data of tensor `index` away, so that `release` leaves it. Once for each. */
  lend(index: number): Loan {
    const { dataType, shape, count, data } = this.tensors[index] as NativeTensor
    const at = this.blocks.indexOf(data)
    if (at !== -1) this.blocks.splice(at, 1)
    return { dataType, shape, count, data }
  }

  /** Frees every block, or gives the struct back. Once, and only for what the caller owns. */
  release(): void {
    if (this.giveBack !== undefined) this.giveBack(this.struct)
    else for (const block of this.blocks.splice(0)) free(block)
  }

  private tensorAt(name: string, type: number, shape: readonly number[], data: Pointer): NativeTensor {
    const dataType = numericType(type)
    if (dataType === undefined) {
      throw damaged(`tensor ${name} has element type ${type}, which the HAL has no data type for`)
    }
    const count = elementCount(shape) as number
    const bytes = count * bytesPerElement(dataType)
    if (!(bytes <= MAX_TENSOR_BYTES))
      throw damaged(`tensor ${name} of shape [${shape.join(', ')}] is too large`)
    this.check(data, bytes, `data of tensor ${name}`)
    return { name, dataType, shape, count, data }
  }

  private nameAt(pointer: Pointer, index: number): string {
    this.check(pointer, 1, `the name of tensor ${index}`)
    const limit = this.allocated ? Math.min(MAX_NAME_BYTES, usableSize(pointer)) : MAX_NAME_BYTES
    const length = stringLength(pointer, limit)
    if (length === limit) throw damaged(`the name of tensor ${index} has no end`)
    return scratch.reading(pointer, length, (at) => scratch.bytes.toString('utf8', at, at + length))
  }

  private shapeAt(pointer: Pointer, rank: number, name: string): number[] {
    if (rank > MAX_RANK) throw damaged(`tensor ${name} has rank ${rank}; the limit is ${MAX_RANK}`)
    this.check(pointer, rank * 8, `the shape of tensor ${name}`)
    return scratch.reading(pointer, rank * 8, (at) => {
      const shape: number[] = []
      for (let d = 0; d < rank; d++) shape.push(Number(scratch.words[at / 8 + d]))
      return shape
    })
  }

  /** Where the list begins in the scratch memory. */
  private list(pointer: Pointer, bytes: number, what: string): number {
    this.check(pointer, bytes, what)
    return scratch.read(pointer, bytes)
  }

  private check(pointer: Pointer, bytes: number, what: string): void {
    if (pointer === 0n) {
      if (bytes > 0) throw damaged(`${what} is null`)
      return
    }
    if (!this.allocated) return
    if (this.blocks.includes(pointer)) throw damaged(`${what} lies in a block that is something else already`)
    const room = usableSize(pointer)
    if (room < bytes) throw damaged(`${what} needs ${bytes} bytes, and its block has ${room}`)
    this.blocks.push(pointer)
  }
}

function shared(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes)
  } catch (cause) {
    throw new HalError('HAL_RESOURCE_EXHAUSTED', `there is no memory for an output of ${bytes} bytes`, {
      cause,
    })
  }
}

function damaged(what: string): HalError {
  return new HalError('HAL_DATA_LOSS', `the answer of the runtime is malformed and was thrown away: ${what}`)
}
