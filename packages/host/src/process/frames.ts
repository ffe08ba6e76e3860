import { DefaultSerializer } from 'node:v8'
import { HalError } from '@xpu-hal/core/backend'

/** Bytes of the length before each frame. */
const HEADER = 4
/** Bytes of a message, at most: tensors and models do not travel here. */
export const MAX_FRAME = 2 ** 28
/** Values of a message in JSON, at most: an empty list costs twenty times the bytes that announce it. */
const MAX_VALUES = 2 ** 22
const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = Buffer.from('"\\,[{')
/** What a message that was announced gets at first: nobody gets memory by announcing. */
const FIRST_ROOM = 65_536

/** A frame without a message: it only wakes the other side. */
export const BELL: Buffer = Buffer.alloc(HEADER)

/** A message in the form of `v8.serialize`, framed. @throws Error (DataCloneError) where it holds what cannot be cloned */
export function cloneFrame(message: unknown): Buffer {
  const serializer = new DefaultSerializer()
  // Room for the length: the message is not copied into its frame.
  serializer.writeRawBytes(BELL)
  serializer.writeHeader()
  serializer.writeValue(message)
  return withLength(serializer.releaseBuffer())
}

/**
 * A message as JSON, which a process can read that does not trust this one, framed.
 * @throws HalError HAL_RESOURCE_EXHAUSTED where it is too long or holds too much to be read
 */
export function jsonFrame(text: string): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + Buffer.byteLength(text))
  frame.write(text, HEADER)
  if (holdsTooMuch(frame.subarray(HEADER))) {
    const message = `a message of a worker process holds too many values: ${MAX_VALUES} at most`
    throw new HalError('HAL_RESOURCE_EXHAUSTED', message)
  }
  return withLength(frame)
}

/** Whether JSON has so many values, in its lists and objects, that it would take far more memory than its bytes. */
export function holdsTooMuch(json: Uint8Array): boolean {
  if (json.length <= MAX_VALUES) return false
  let count = 1
  let inText = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (byte === QUOTE) inText = !inText
    else if (inText) at += byte === BACKSLASH ? 1 : 0
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) count++
  }
  return count > MAX_VALUES
}

/** @throws HalError HAL_RESOURCE_EXHAUSTED where it is too long to be read */
function withLength(frame: Buffer): Buffer {
  const length = frame.length - HEADER
  if (length > MAX_FRAME) {
    const text = `a message of ${length} bytes is too long for a worker process: ${MAX_FRAME} at most`
    throw new HalError('HAL_RESOURCE_EXHAUSTED', text)
  }
  frame.writeUInt32LE(length)
  return frame
}

/** What a frame without a message is read as. */
export const bell: unique symbol = Symbol('bell')

/** The bytes of a message, which are nobody else's. */
export type Arrival = Buffer | typeof bell

/** Takes a stream of bytes apart, in time and memory that its length bounds. */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER)
  #headerFilled = 0
  /** Of the message whose header is complete. */
  #length = 0
  #body = Buffer.alloc(0)
  #filled = 0

  /**
   * Takes the next bytes, which may be overwritten afterwards, and adds what they complete to `to`; of bells in a row, one.
   * @throws HalError HAL_DATA_LOSS where a frame claims to be too long; nothing can be read from there on
   */
  read(bytes: Uint8Array, to: Arrival[]): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#headerFilled < HEADER) at += this.#readHeader(bytes, at, to)
      else at += this.#readBody(bytes, at, to)
    }
  }

  #readHeader(bytes: Uint8Array, at: number, to: Arrival[]): number {
    const part = bytes.subarray(at, at + HEADER - this.#headerFilled)
    this.#header.set(part, this.#headerFilled)
    this.#headerFilled += part.length
    if (this.#headerFilled < HEADER) return part.length
    this.#length = this.#header.readUInt32LE()
    if (this.#length > MAX_FRAME) throw tooLong(this.#length)
    if (this.#length === 0) {
      this.#headerFilled = 0
      if (to.at(-1) !== bell) to.push(bell)
    } else {
      this.#body = Buffer.allocUnsafeSlow(Math.min(this.#length, FIRST_ROOM))
      this.#filled = 0
    }
    return part.length
  }

  #readBody(bytes: Uint8Array, at: number, to: Arrival[]): number {
    const part = bytes.subarray(at, at + this.#length - this.#filled)
    this.#makeRoom(this.#filled + part.length)
    this.#body.set(part, this.#filled)
    this.#filled += part.length
    if (this.#filled === this.#length) {
      const body = this.#body.subarray(0, this.#length)
      this.#headerFilled = 0
      this.#body = Buffer.alloc(0)
      to.push(body)
    }
    return part.length
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#body.length) return
    const body = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(bytes, 2 * this.#body.length)))
    body.set(this.#body.subarray(0, this.#filled))
    this.#body = body
  }
}

function tooLong(length: number): HalError {
  return new HalError('HAL_DATA_LOSS', `a message of a worker process claims to be ${length} bytes long`)
}
