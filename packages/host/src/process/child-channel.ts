import { readSync, writeSync } from 'node:fs'
import { deserialize } from 'node:v8'
import { BELL, FrameReader, frame } from './frame.js'
import type { ProcessAnswer } from './message.js'
import { waitReadable } from './native/libc.js'

const READ_BYTES = 2 ** 16

/** A worker process's end of the socket to main. It blocks; where main is gone the process ends. */
export class ChildChannel {
  readonly #messages: unknown[] = []
  readonly #reader = new FrameReader(
    Number.POSITIVE_INFINITY,
    (body) => this.#messages.push(deserialize(body)),
    () => {},
  )

  constructor(private readonly fd: number) {}

  /** The next message; blocks until it is there. */
  read(): unknown {
    while (this.#messages.length === 0) this.#readSome()
    return this.#messages.shift()
  }

  /** Blocks until something came, at most so many milliseconds. Messages are kept for `read`. */
  wait(timeout = -1): void {
    if (waitReadable(this.fd, timeout)) this.#readSome()
  }

  send(message: ProcessAnswer): void {
    this.#write(frame(Buffer.from(JSON.stringify(message, withoutPointers))))
  }

  bell(): void {
    this.#write(BELL)
  }

  #readSome(): void {
    const bytes = Buffer.allocUnsafe(READ_BYTES)
    const count = readSync(this.fd, bytes)
    if (count === 0) process.exit()
    this.#reader.push(bytes.subarray(0, count))
  }

  #write(bytes: Buffer): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at)
    } catch {
      process.exit()
    }
  }
}

/** A pointer of this process means nothing to another. */
function withoutPointers(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
