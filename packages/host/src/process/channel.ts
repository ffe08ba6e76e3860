import { readSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { HalError } from '@xpu-hal/core/backend'
import { type Arrival, BELL, bell, cloneFrame, FrameReader, holdsTooMuch } from './frames.js'
import type { ProcessMail, ProcessSeed } from './message.js'
import { Readiness } from './native/descriptor.js'

const READ_BYTES = 65_536
/** Messages and bells that wait to be read, at most: a worker that does its work reads long before. */
const MAX_QUEUED = 1000

/**
 * Main's end of the socket to a worker process, on the event loop. Owns its descriptor. What comes is unproven: that it is
 * JSON is checked here, what it says has to be checked by who gets it.
 */
export class Channel {
  /** A message came. What is thrown here is uncaught; the messages after it are delivered all the same. */
  onMessage: (message: unknown) => void = () => {}
  /** A bell came; several in a row may be one. */
  onBell: () => void = () => {}
  /**
   * Told once. Nothing is read any more then. HAL_DATA_LOSS: bytes came that are no message. HAL_RESOURCE_EXHAUSTED: the
   * other side does not read what it is sent.
   */
  onDamage: (error: HalError) => void = () => {}
  /** Resolves when the channel has ended, and all that the other side sent was read; a partial message is dropped. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #readiness: Readiness
  readonly #frames = new FrameReader()
  readonly #syncBytes = Buffer.allocUnsafeSlow(READ_BYTES)
  /** What was read and not delivered yet. */
  #arrived: Arrival[] = []
  /** Writes that wait for the other side. */
  #queued = 0

  /** @param fd one end of a socket pair */
  constructor(private readonly fd: number) {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    const callback = (bytes: number) => {
      this.#take(buffer.subarray(0, bytes))
      return !this.#socket.destroyed
    }
    this.#readiness = new Readiness(fd)
    this.#socket = new Socket({ fd, onread: { buffer, callback } } as ConstructorParameters<typeof Socket>[0])
    // EPIPE and the like: the close that follows says enough.
    this.#socket.on('error', () => {})
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
  }

  /**
   * Sends a message, without waiting; nothing where the channel has ended.
   * @throws Error (DataCloneError) where it cannot be cloned; HalError HAL_RESOURCE_EXHAUSTED beyond 256 MiB
   */
  send(message: ProcessMail | ProcessSeed): void {
    const frame = cloneFrame(message)
    if (!this.#socket.destroyed) this.#write(frame)
  }

  /** Wakes the child. */
  bell(): void {
    if (this.#socket.destroyed) return
    // Inside a frame that is half written it would break the framing.
    if (this.#socket.writableLength > 0 || !this.#ringDirectly()) this.#write(BELL)
  }

  /**
   * Blocks the calling thread until there is something for `readNow`, or the child has closed its end: true. False when `ms`
   * are over; missing: for ever.
   */
  waitReadable(ms?: number): boolean {
    return this.#arrived.length > 0 || this.#socket.destroyed || this.#readiness.wait(ms)
  }

  /**
   * Reads what is there, without waiting, and delivers it before it returns: also what the event loop had read and not yet
   * delivered. May be called in `onMessage` and `onBell`.
   * @returns false where the channel has ended; `closed` may be told later
   */
  readNow(): boolean {
    this.#deliver()
    if (this.#socket.destroyed) return false
    let bytes: number
    try {
      bytes = readSync(this.fd, this.#syncBytes)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN'
    }
    this.#take(this.#syncBytes.subarray(0, bytes))
    return bytes > 0 && !this.#socket.destroyed
  }

  /** Ends the channel, and the worker process with it if that is alive. What was sent may be lost. */
  close(): void {
    this.#socket.destroy()
  }

  ref(): void {
    this.#socket.ref()
  }

  unref(): void {
    this.#socket.unref()
  }

  #write(bytes: Buffer): void {
    this.#socket.write(bytes, () => {
      this.#queued--
    })
    if (++this.#queued <= MAX_QUEUED) return
    this.#damage(new HalError('HAL_RESOURCE_EXHAUSTED', 'a worker process does not read what it is sent'))
  }

  #ringDirectly(): boolean {
    try {
      return writeSync(this.fd, BELL) === BELL.length
    } catch {
      return false
    }
  }

  #take(bytes: Uint8Array): void {
    try {
      this.#frames.read(bytes, this.#arrived)
    } catch (error) {
      this.#deliver()
      this.#damage(HalError.from(error))
    }
    this.#deliver()
  }

  #deliver(): void {
    while (this.#arrived.length > 0 && !this.#socket.destroyed) {
      const body = this.#arrived.shift() as Arrival
      if (body === bell) guarded(this.onBell)
      else this.#message(body)
    }
  }

  #message(body: Buffer): void {
    let message: unknown
    try {
      message = parse(body)
    } catch (cause) {
      this.#damage(
        new HalError('HAL_DATA_LOSS', 'a worker process sent bytes that are no message', { cause }),
      )
      return
    }
    guarded(() => this.onMessage(message))
  }

  #damage(error: HalError): void {
    if (this.#socket.destroyed) return
    this.#socket.destroy()
    guarded(() => this.onDamage(error))
  }
}

/** @throws Error where it is no JSON, or would take far more memory than its bytes */
function parse(body: Buffer): unknown {
  if (holdsTooMuch(body)) throw new RangeError('it holds too many values')
  return JSON.parse(body.toString())
}

/** What a listener throws is uncaught, and no reason to lose what comes after it. */
function guarded(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
