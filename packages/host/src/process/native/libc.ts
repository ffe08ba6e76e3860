import { HalError } from '@xpu-hal/core/backend'
import koffi from 'koffi'

if (process.platform !== 'linux') {
  throw new HalError('HAL_UNIMPLEMENTED', `isolation 'process' needs Linux, this is ${process.platform}`)
}

const c = koffi.load(null)

type Call = (...values: readonly unknown[]) => number

/** A function of the C library that gives -1 on failure. */
function checked(name: string, ...types: readonly string[]): Call {
  const call = c.func(name, 'int', [...types]) as Call
  return (...values) => {
    const result = call(...values)
    if (result !== -1) return result
    throw failure(name)
  }
}

function failure(call: string): HalError {
  const errno = koffi.errno()
  const name = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0]
  const status = name ?? errno
  return new HalError('HAL_RESOURCE_EXHAUSTED', `${call} of the C library failed: ${status}`, {
    native: { call, status },
  })
}

const memfdCreate = checked('memfd_create', 'str', 'uint')
const fcntl = checked('fcntl', 'int', 'int', 'int')
const munmap = checked('munmap', 'void *', 'size_t')
const fallocate = checked('fallocate', 'int', 'int', 'int64_t', 'int64_t')
const socketpair = checked('socketpair', 'int', 'int', 'int', 'void *')
const prctl = checked('prctl', 'int', 'ulong', 'ulong', 'ulong', 'ulong')
const rawMmap = c.func('mmap', 'void *', ['void *', 'size_t', 'int', 'int', 'int', 'int64_t'])
const rawPoll = c.func('poll', 'int', ['void *', 'ulong', 'int'])

const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_SETFL = 4
const F_GETFL = 3
const F_ADD_SEALS = 1033
const SEAL_SEAL_SHRINK_GROW = 1 | 2 | 4
const O_NONBLOCK = 0o4000
const PROT_READ_WRITE = 1 | 2
const MAP_SHARED_NORESERVE = 0x01 | 0x4000
const MAP_FAILED = 2n ** 64n - 1n
const KEEP_SIZE_PUNCH_HOLE = 1 | 2
const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000
const PR_SET_PDEATHSIG = 1
const SIGKILL = 9
const POLLIN = 1

/** A file in memory without a name. The caller closes it. */
export function createMemoryFile(name: string): number {
  return memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)
}

/** From now on nobody can make the file smaller under those who have mapped it, or larger. */
export function sealSize(fd: number): void {
  fcntl(fd, F_ADD_SEALS, SEAL_SEAL_SHRINK_GROW)
}

/** Maps a file. The caller unmaps it, when no view is left. */
export function map(fd: number, bytes: number): bigint {
  const address = rawMmap(null, bytes, PROT_READ_WRITE, MAP_SHARED_NORESERVE, fd, 0) as bigint | null
  if (address === null || address === MAP_FAILED) throw failure('mmap')
  return address
}

export function unmap(address: bigint, bytes: number): void {
  munmap(address, bytes)
}

/** Mapped memory as a buffer; must not be touched after `unmap`. `bytes`: below 2^32, koffi ends the process otherwise. */
export function view(address: bigint, bytes: number): ArrayBuffer {
  return koffi.view(address, bytes) as ArrayBuffer
}

/** Gives the memory of part of a file back to the system; it reads as zeros. Both are multiples of a page. */
export function punchHole(fd: number, offset: number, bytes: number): void {
  fallocate(fd, KEEP_SIZE_PUNCH_HOLE, offset, bytes)
}

/** Two connected sockets, closed when another program is executed. The caller closes both. */
export function createSocketPair(): [number, number] {
  const pair = new Int32Array(2)
  socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair)
  return [pair[0] as number, pair[1] as number]
}

/** Has the kernel kill this process when the thread ends that started it. */
export function dieWithParent(): void {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
}

export function setNonBlocking(fd: number): void {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_NONBLOCK)
}

const pollRequest = new Int32Array(2)

/**
 * Blocks until there is something to read, or the other side is gone.
 * @param timeout milliseconds, rounded up; -1: for ever
 * @returns false when the time is over, or a signal came
 */
export function waitReadable(fd: number, timeout: number): boolean {
  pollRequest[0] = fd
  pollRequest[1] = POLLIN
  return rawPoll(pollRequest, 1, Math.ceil(timeout)) > 0
}
