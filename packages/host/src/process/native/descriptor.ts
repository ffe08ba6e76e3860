import { checked, failure, lastError, libcFunction } from './calls.js'

// Numbers of Linux, the same on all its machines that Node runs on.
const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_CLOEXEC = 0o2000000
const F_GETFD = 1
const F_GETFL = 3
const F_SETFL = 4
const FD_CLOEXEC = 1
const O_NONBLOCK = 0o4000
const POLLIN = 1
const POLLFD_BYTES = 8

const socketpairCall = libcFunction<number>('socketpair', 'int', ['int', 'int', 'int', 'void *'])
const fcntl = libcFunction<number>('fcntl', 'int', ['int', 'int', '...'])
const poll = libcFunction<number>('poll', 'int', ['void *', 'ulong', 'int'])

/** Two connected sockets that close on exec. The caller owns both. */
export function socketPair(): [number, number] {
  // On shared memory, because small arrays on the JavaScript heap can move.
  const pair = new Int32Array(new SharedArrayBuffer(8))
  checked('socketpair', socketpairCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 'making a channel')
  return [pair[0] as number, pair[1] as number]
}

/** False also where `fd` is not open. */
export function isInheritable(fd: number): boolean {
  const flags = fcntl(fd, F_GETFD, 'int', 0)
  return flags !== -1 && (flags & FD_CLOEXEC) === 0
}

/** Writing to a full pipe or socket fails from now on, for all who have the same end. */
export function setNonBlocking(fd: number): void {
  const doing = `making descriptor ${fd} non-blocking`
  const flags = checked('fcntl', fcntl(fd, F_GETFL, 'int', 0), doing)
  checked('fcntl', fcntl(fd, F_SETFL, 'int', flags | O_NONBLOCK), doing)
}

/** Waits for one descriptor to become readable. Not to be used by two threads at once. */
export class Readiness {
  readonly #pollfd: Int32Array

  constructor(fd: number) {
    this.#pollfd = new Int32Array(new SharedArrayBuffer(POLLFD_BYTES))
    this.#pollfd[0] = fd
    new Int16Array(this.#pollfd.buffer)[2] = POLLIN
  }

  /**
   * Blocks the calling thread until there is something to read or the other side is gone: true. False when `timeoutMs`
   * have passed, rounded up; missing: for ever.
   */
  wait(timeoutMs?: number): boolean {
    const limit = timeoutMs === undefined ? -1 : Math.min(Math.ceil(Math.max(0, timeoutMs)), 2 ** 31 - 1)
    const until = limit === -1 ? 0 : performance.now() + limit
    for (let left = limit; ; left = Math.max(0, Math.ceil(until - performance.now()))) {
      const status = poll(this.#pollfd, 1, limit === -1 ? -1 : left)
      if (status !== -1) return status > 0
      const error = lastError()
      if (error !== 'EINTR') throw failure('poll', error, 'waiting for a channel')
    }
  }
}
