import { HalError, type NumericData, ONNX_TYPES, type Tensor } from '@xpu-hal/core/backend'
import koffi from 'koffi'
import type { Pointer } from './calls.js'
import { SEMAPHORE_BYTES, takeRelease } from './extension.js'
import { alloc, free, write } from './libc.js'
import { bytesOf, Member, STRUCT_BYTES, words } from './tensors-struct.js'

/** A `tensors_struct` with the inputs of a run, in blocks of the C allocator that can be given away one by one. */
export class NativeInput {
  readonly pointer: Pointer
  readonly bytesCopied: number
  private readonly blocks: Pointer[] = []

  /**
   * @param copy false: the data stays where it is, and the tensors must be held for as long as the runtime may read it
   * @throws HalError HAL_UNIMPLEMENTED for strings, HAL_RESOURCE_EXHAUSTED
   */
  constructor(names: readonly string[], tensors: readonly Tensor[], copy: boolean) {
    let bytesCopied = 0
    try {
      const types = tensors.map((tensor, i) => numberOf(tensor, names[i] as string))
      const place = ({ data }: Tensor): Pointer => {
        const bytes = bytesOf(data as NumericData)
        if (!copy && bytes.length > 0) return koffi.address(bytes)
        bytesCopied += bytes.length
        return this.block(bytes)
      }
      const members = words((STRUCT_BYTES + SEMAPHORE_BYTES) / 8)
      members[Member.count] = BigInt(tensors.length)
      members[Member.names] = this.list(names.map((name) => this.block(Buffer.from(`${name}\0`))))
      members[Member.dataTypes] = this.block(bytesOf(Int32Array.from(types)))
      members[Member.ranks] = this.list(tensors.map(({ shape }) => BigInt(shape.length)))
      members[Member.shapes] = this.list(tensors.map(({ shape }) => this.list(shape.map(BigInt))))
      members[Member.data] = this.list(tensors.map(place))
      this.pointer = this.block(bytesOf(members))
    } catch (error) {
      this.release()
      throw error
    }
    this.bytesCopied = bytesCopied
  }

  /** Frees everything, unless the runtime has taken it over. */
  release(): void {
    for (const block of this.blocks.splice(0)) free(block)
  }

  /** Whether a runtime with the extension reads it no more. To be asked until it is true. */
  released(): boolean {
    return takeRelease(this.pointer)
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

function numberOf({ dataType }: Tensor, name: string): number {
  if (dataType !== 'string') return ONNX_TYPES[dataType]
  throw new HalError(
    'HAL_UNIMPLEMENTED',
    `input ${name} holds strings, which OAAX has no form for; give it numbers`,
  )
}
