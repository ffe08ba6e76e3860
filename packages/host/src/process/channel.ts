import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { serialize } from 'node:v8'
import { HalError } from '@xpu-hal/core/backend'
import { BELL, FrameReader, frame } from './frame.js'
import type { ProcessMail, ProcessSeed } from './message.js'

/** Strings are the only data of tensors that come this way. */
const MAX_BYTES = 2 ** 28

/** Main's end of the socket to a worker process. Owns its descriptor. */
export class Channel {
  onMessage: (message: unknown) => void = () => {}
  onBell: () => void = () => {}
  /** Told once, when bytes come that are no message; nothing more is read then. */
  onDamage: (error: HalError) => void = () => {}
  /** Resolves when the other end is closed, and all that it sent was read. */
  readonly closed: Promise<void>
  readonly #socket: Socket

  constructor(private readonly fd: number) {
    this.#socket = new Socket({ fd, readable: true, writable: true })
    const reader = new FrameReader(
      MAX_BYTES,
      (body) => this.onMessage(JSON.parse(body.toString())),
      () => this.onBell(),
    )
    this.#socket.on('data', (bytes) => {
      try {
        reader.push(bytes)
      } catch (cause) {
        this.#socket.destroy()
        this.onDamage(
          new HalError('HAL_DATA_LOSS', 'a worker process sent bytes that are no message', { cause }),
        )
      }
    })
    // The other end is gone: that is told by the end of the process.
    this.#socket.on('error', () => {})
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
  }

  send(message: ProcessMail | ProcessSeed): void {
    this.#write(frame(serialize(message)))
  }

  bell(): void {
    // Not into the middle of a message.
    const direct = this.#socket.writableLength === 0 && !this.#socket.destroyed
    try {
      if (direct) writeSync(this.fd, BELL)
      else this.#write(BELL)
    } catch {
      this.#write(BELL)
    }
  }

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
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }
}
