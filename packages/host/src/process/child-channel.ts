import { readSync, writeSync } from 'node:fs'
import { deserialize } from 'node:v8'
import { type Arrival, BELL, bell, FrameReader, jsonFrame } from './frames.js'
import type { ProcessAnswer } from './message.js'
import { Readiness } from './native/descriptor.js'

const READ_BYTES = 65_536

/**
 * A worker process's end of the socket to main, inherited. All calls block, and belong to one thread. Where main is gone
 * the process ends at once, inside of the call that sees it.
 */
export class ChildChannel {
  readonly #bytes = Buffer.allocUnsafeSlow(READ_BYTES)
  readonly #frames = new FrameReader()
  readonly #readiness: Readiness
  readonly #messages: unknown[] = []

  constructor(private readonly fd: number) {
    this.#readiness = new Readiness(fd)
  }

  /** The next message; blocks until it is there. Bells are skipped. */
  read(): unknown {
    while (this.#messages.length === 0) this.#readSome()
    return this.#messages.shift()
  }

  /** Blocks until something came, at most so many milliseconds; missing: for ever. Messages are kept for `read`. */
  wait(timeout?: number): void {
    // Without a limit the read waits by itself.
    if (timeout === undefined || this.#readiness.wait(timeout)) this.#readSome()
  }

  /** Blocks while main has not read what came before. @throws HalError HAL_RESOURCE_EXHAUSTED beyond 256 MiB */
  send(message: ProcessAnswer): void {
    this.#write(jsonFrame(JSON.stringify(message, asJson)))
  }

  /** Wakes main. */
  bell(): void {
    this.#write(BELL)
  }

  #readSome(): void {
    const count = retried(() => readSync(this.fd, this.#bytes))
    if (count === 0) end()
    const arrived: Arrival[] = []
    this.#frames.read(this.#bytes.subarray(0, count), arrived)
    for (const body of arrived) if (body !== bell) this.#messages.push(deserialize(body))
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at += retried(() => writeSync(this.fd, bytes, at))
  }
}

/** Until no signal interrupts it. */
function retried(call: () => number): number {
  for (;;) {
    try {
      return call()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') end()
    }
  }
}

/** Nobody is left to work for. By a signal, because exit handlers could wait. */
function end(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('main is gone')
}

function asJson(key: string, value: unknown): unknown {
  // A pointer of this process means nothing to another.
  if (typeof value === 'bigint') return String(value)
  const isCause = key === 'cause' && typeof value === 'object' && value !== null && 'value' in value
  return isCause && !fitsJson(value.value) ? { value: String(value.value) } : value
}

/** What was thrown may lead back to itself. */
function fitsJson(value: unknown): boolean {
  try {
    JSON.stringify(value, asJson)
    return true
  } catch {
    return false
  }
}
