import type { NumericData, Tensor } from '@xpu-hal/core/backend'
import type { Pointer } from './calls.js'
import { alloc, free, write } from './libc.js'
import { bytesOf, Member, numberOfType, STRUCT_WORDS } from './tensors-struct.js'

/** A copy of the inputs of a run, in blocks of the C allocator that the runtime frees one by one. */
export class GivenInput {
  readonly pointer: Pointer
  readonly bytesCopied: number
  private readonly blocks: Pointer[] = []

  /** @throws HalError HAL_UNIMPLEMENTED for strings, HAL_RESOURCE_EXHAUSTED */
  constructor(names: readonly string[], tensors: readonly Tensor[]) {
    try {
      const types = tensors.map((tensor, i) => numberOfType(tensor, names[i] as string))
      const members = new BigUint64Array(STRUCT_WORDS)
      members[Member.count] = BigInt(tensors.length)
      members[Member.names] = this.list(names.map((name) => this.block(Buffer.from(`${name}\0`))))
      members[Member.dataTypes] = this.block(bytesOf(Int32Array.from(types)))
      members[Member.ranks] = this.list(tensors.map(({ shape }) => BigInt(shape.length)))
      members[Member.shapes] = this.list(tensors.map(({ shape }) => this.list(shape.map(BigInt))))
      members[Member.data] = this.list(tensors.map(({ data }) => this.block(bytesOf(data as NumericData))))
      this.pointer = this.block(bytesOf(members))
    } catch (error) {
      this.free()
      throw error
    }
    this.bytesCopied = tensors.reduce((sum, { data }) => sum + (data as NumericData).byteLength, 0)
  }

  /** Only where the runtime has not taken it over. */
  free(): void {
    for (const block of this.blocks.splice(0)) free(block)
  }

  private list(values: readonly bigint[]): Pointer {
    return this.block(bytesOf(BigUint64Array.from(values)))
  }

  private block(content: Uint8Array): Pointer {
    const block = alloc(content.length)
    this.blocks.push(block)
    write(block, content)
    return block
  }
}
