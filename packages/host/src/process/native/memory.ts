import koffi from 'koffi'
import { checked, failure, lastError, libcFunction, type Pointer } from './calls.js'

// Numbers of Linux, the same on all its machines that Node runs on.
const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_ADD_SEALS = 1033
const F_SEAL_SEAL = 1
const F_SEAL_SHRINK = 2
const F_SEAL_GROW = 4
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_FAILED = 2n ** 64n - 1n
const FALLOC_FL_KEEP_SIZE = 1
const FALLOC_FL_PUNCH_HOLE = 2
const MADV_REMOVE = 9
const SC_PAGESIZE = 30

const memfdCreate = libcFunction<number>('memfd_create', 'int', ['str', 'uint'])
const ftruncate = libcFunction<number>('ftruncate', 'int', ['int', 'int64'])
const fcntl = libcFunction<number>('fcntl', 'int', ['int', 'int', '...'])
const mmap = libcFunction<Pointer | null>('mmap', 'void *', [
  'void *',
  'size_t',
  'int',
  'int',
  'int',
  'int64',
])
const munmap = libcFunction<number>('munmap', 'int', ['void *', 'size_t'])
const fallocate = libcFunction<number>('fallocate', 'int', ['int', 'int', 'int64', 'int64'])
const madvise = libcFunction<number>('madvise', 'int', ['void *', 'size_t', 'int'])
const sysconf = libcFunction<number | bigint>('sysconf', 'int64', ['int'])

/** Memory behind a descriptor that closes on exec, empty and without a name in the file system. The caller owns it. */
export function createMemory(name: string): number {
  return checked('memfd_create', memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'making shared memory')
}

/** Gives memory its size; sparse, so that it takes no room before it is touched. */
export function resizeMemory(fd: number, byteLength: number): void {
  checked('ftruncate', ftruncate(fd, byteLength), `making shared memory of ${byteLength} bytes`)
}

/** From now on nobody who has the descriptor can change the size. */
export function sealSize(fd: number): void {
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW
  checked('fcntl', fcntl(fd, F_ADD_SEALS, 'int', seals), 'sealing shared memory')
}

/** Maps the memory behind `fd`, for reading and writing. The caller unmaps it; the descriptor may be closed before. */
export function mapMemory(fd: number, byteLength: number): Pointer {
  const address = mmap(null, byteLength, PROT_READ_WRITE, MAP_SHARED, fd, 0)
  if (address !== null && address !== MAP_FAILED) return address
  throw failure('mmap', lastError(), `mapping shared memory of ${byteLength} bytes`)
}

/** No view may be left: reading one would end the process. */
export function unmapMemory(address: Pointer, byteLength: number): void {
  checked('munmap', munmap(address, byteLength), 'unmapping shared memory')
}

/** Gives memory back to the system. All of the range reads as zero afterwards, in every process. */
export function punchHole(fd: number, offset: number, byteLength: number): void {
  const status = fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, byteLength)
  checked('fallocate', status, `giving back ${byteLength} bytes of shared memory`)
}

/** As `punchHole`, for whole pages of a mapping. */
export function removePages(address: Pointer, byteLength: number): void {
  checked('madvise', madvise(address, byteLength, MADV_REMOVE), `giving back ${byteLength} bytes`)
}

/** Bytes of a page. */
export function pageSize(): number {
  return Number(sysconf(SC_PAGESIZE))
}

/** Bytes that one view can have: koffi ends the process beyond. */
export const MAX_VIEW = 2 ** 32 - 1

/** A view on native memory, which must stay mapped until the view was collected. At most {@link MAX_VIEW} bytes. */
export function viewMemory(address: Pointer, byteLength: number): ArrayBuffer {
  return koffi.view(address, byteLength)
}
