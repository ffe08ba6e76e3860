import type { NumericData, Tensor } from '@xpu-hal/core/backend'
import koffi from 'koffi'
import type { Pointer } from './calls.js'
import { SEMAPHORE_BYTES, takeRelease } from './extension.js'
import { bytesOf, Member, numberOfType, STRUCT_WORDS } from './tensors-struct.js'

type Form = Pick<Tensor, 'dataType' | 'shape'>

/**
 * Inputs that a runtime reads where they are: a `tensors_struct` with all its lists in one block, which is filled again for
 * the next run of the same names, types and shapes. Who holds the object keeps the block and the tensors in place.
 */
export class LentInput {
  readonly pointer: Pointer
  readonly bytesCopied = 0
  private readonly words: BigUint64Array
  /** Where in `words` the list of data pointers begins. */
  private readonly data: number
  private readonly forms: readonly Form[]
  /** What it points to, held so that it stays in place. */
  tensors: readonly Tensor[] = []

  /** @throws HalError HAL_UNIMPLEMENTED for strings */
  constructor(
    private readonly names: readonly string[],
    tensors: readonly Tensor[],
  ) {
    const count = tensors.length
    this.forms = tensors.map(({ dataType, shape }) => ({ dataType, shape }))
    const texts = names.map((name) => Buffer.from(`${name}\0`))
    const types = Int32Array.from(tensors, (tensor, i) => numberOfType(tensor, names[i] as string))
    const lists = [STRUCT_WORDS + SEMAPHORE_BYTES / 8, count, count, Math.ceil(count / 2), count, count]
    const dimensions = tensors.map(({ shape }) => shape.length)
    const sizes = [...lists, ...dimensions, ...texts.map((text) => Math.ceil(text.length / 8))]
    const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))
    const [, namesAt = 0, ranksAt = 0, typesAt = 0, shapesAt = 0, dataAt = 0, ...rest] = starts
    const words = new BigUint64Array(new SharedArrayBuffer(sizes.reduce((sum, size) => sum + size, 0) * 8))
    const address = koffi.address(words)
    const at = (start: number) => address + BigInt(start * 8)
    words[Member.count] = BigInt(count)
    words[Member.names] = at(namesAt)
    words[Member.dataTypes] = at(typesAt)
    words[Member.ranks] = at(ranksAt)
    words[Member.shapes] = at(shapesAt)
    words[Member.data] = at(dataAt)
    const bytes = bytesOf(words)
    bytes.set(bytesOf(types), typesAt * 8)
    tensors.forEach(({ shape }, i) => {
      const shapeAt = rest[i] as number
      const textAt = rest[count + i] as number
      words[ranksAt + i] = BigInt(shape.length)
      words[shapesAt + i] = at(shapeAt)
      words.set(shape.map(BigInt), shapeAt)
      words[namesAt + i] = at(textAt)
      bytes.set(texts[i] as Buffer, textAt * 8)
    })
    this.words = words
    this.data = dataAt
    this.pointer = address
  }

  /** Whether `tensors` differ from those it was made for in nothing but their data. */
  fits(names: readonly string[], tensors: readonly Tensor[]): boolean {
    return (
      tensors.length === this.forms.length &&
      tensors.every((tensor, i) => names[i] === this.names[i] && isAlike(tensor, this.forms[i] as Form))
    )
  }

  /** Points to `tensors`, which fit, and holds them. */
  fill(tensors: readonly Tensor[]): this {
    this.tensors = tensors
    tensors.forEach(({ data }, i) => {
      const bytes = bytesOf(data as NumericData)
      this.words[this.data + i] = bytes.length > 0 ? koffi.address(bytes) : this.pointer
    })
    return this
  }

  /** Whether a runtime with the extension reads it no more. To be asked until it is true. */
  released(): boolean {
    return takeRelease(this.pointer)
  }
}

/** The inputs of one instance that nothing reads any more, for the next runs. */
export class LentInputs {
  private readonly free: LentInput[] = []

  /** @throws HalError HAL_UNIMPLEMENTED for strings */
  take(names: readonly string[], tensors: readonly Tensor[]): LentInput {
    const known = this.free.pop()
    const input = known?.fits(names, tensors) === true ? known : new LentInput(names, tensors)
    return input.fill(tensors)
  }

  giveBack(input: LentInput): void {
    input.tensors = []
    this.free.push(input)
  }
}

function isAlike(a: Form, b: Form): boolean {
  return (
    a.dataType === b.dataType &&
    a.shape.length === b.shape.length &&
    a.shape.every((dimension, d) => dimension === b.shape[d])
  )
}
