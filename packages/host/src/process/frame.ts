/** Bytes of the length that stands before every message. A bell is the length 0. */
export const HEADER_BYTES = 4
export const BELL = Buffer.alloc(HEADER_BYTES)

export function frame(body: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + body.length)
  framed.writeUInt32LE(body.length)
  framed.set(body, HEADER_BYTES)
  return framed
}

/** Takes a stream of bytes apart. */
export class FrameReader {
  #parts: Buffer[] = []
  #bytes = 0
  /** Of the message that comes next, header included; `undefined` until its header is there. */
  #wanted: number | undefined

  constructor(
    private readonly maxBytes: number,
    private readonly onBody: (body: Buffer) => void,
    private readonly onBell: () => void,
  ) {}

  /** @param bytes must stay as they are @throws RangeError where a message claims to be longer than any */
  push(bytes: Buffer): void {
    this.#parts.push(bytes)
    this.#bytes += bytes.length
    for (;;) {
      if (this.#wanted === undefined) {
        if (this.#bytes < HEADER_BYTES) return
        const length = this.#joined().readUInt32LE()
        if (length > this.maxBytes) throw new RangeError(`a message claims to be ${length} bytes long`)
        this.#wanted = HEADER_BYTES + length
      }
      if (this.#bytes < this.#wanted) return
      const all = this.#joined()
      const body = all.subarray(HEADER_BYTES, this.#wanted)
      const rest = all.subarray(this.#wanted)
      this.#parts = rest.length === 0 ? [] : [rest]
      this.#bytes = rest.length
      this.#wanted = undefined
      if (body.length === 0) this.onBell()
      else this.onBody(body)
    }
  }

  #joined(): Buffer {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)]
    return this.#parts[0] as Buffer
  }
}
