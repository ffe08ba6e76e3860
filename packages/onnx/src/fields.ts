import { readSync } from 'node:fs'

const WINDOW_BYTES = 2 ** 14
/** Bytes of the longest number of the format. */
const MAX_VARINT_BYTES = 10
/** Of a file, each walk over it counted. Models have some hundred thousand; more would only take time. */
const MAX_FIELDS = 2 ** 23

const Wire = { varint: 0, eightBytes: 1, length: 2, fourBytes: 5 } as const

/** A field of a protobuf message in a file. Its content lies from `start` to `end`. */
export interface Field {
  readonly number: number
  readonly start: number
  readonly end: number
}

/** Walks protobuf messages in an open file without reading what it steps over. Throws a RangeError for what is damaged. */
export class FieldReader {
  private readonly window = Buffer.allocUnsafe(WINDOW_BYTES)
  private windowStart = 0
  private windowEnd = 0
  private position = 0
  private count = 0

  constructor(private readonly file: number) {}

  /** The fields of the message that lies from `start` to `end`, in their order. */
  *fields(start: number, end: number): Generator<Field> {
    for (let at = start; at < end; ) {
      if (++this.count > MAX_FIELDS) throw new RangeError(`it has more than ${MAX_FIELDS} fields`)
      this.position = at
      const tag = this.varint(end)
      const size = this.sizeOf(tag & 7, end)
      const field = { number: Math.floor(tag / 8), start: this.position, end: this.position + size }
      if (field.end > end) throw new RangeError('a field ends behind its message')
      yield field
      at = field.end
    }
  }

  bytes({ start, end }: Field): Buffer {
    const content = Buffer.alloc(end - start)
    for (let read = 0; read < content.length; ) {
      const more = readSync(this.file, content, read, content.length - read, start + read)
      if (more === 0) throw new RangeError('the file is cut off')
      read += more
    }
    return content
  }

  /** Of the content that follows. */
  private sizeOf(wire: number, end: number): number {
    if (wire === Wire.varint) {
      const start = this.position
      this.varint(end)
      const size = this.position - start
      this.position = start
      return size
    }
    if (wire === Wire.length) return this.varint(end)
    if (wire === Wire.eightBytes) return 8
    if (wire === Wire.fourBytes) return 4
    throw new RangeError(`there is no wire type ${wire}`)
  }

  private varint(end: number): number {
    let value = 0
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.position >= end) break
      const byte = this.byte(this.position++)
      value += (byte & 127) * 2 ** (7 * i)
      if (byte < 128) return value
    }
    throw new RangeError('a number has no end')
  }

  private byte(at: number): number {
    if (at < this.windowStart || at >= this.windowEnd) {
      this.windowStart = at
      this.windowEnd = at + readSync(this.file, this.window, 0, WINDOW_BYTES, at)
      if (at >= this.windowEnd) throw new RangeError('the file is cut off')
    }
    return this.window[at - this.windowStart] as number
  }
}
