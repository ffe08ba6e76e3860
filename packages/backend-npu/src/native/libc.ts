import { HalError } from '@xpu-hal/core/backend'
import koffi from 'koffi'
import { bind, type NativeArgument, type Pointer, symbolOf } from './calls.js'

// What the process itself finds under these names is what a library that it loads finds: an allocator that was put in
// front of the C library's is then the one for both sides.
export const program = koffi.load(null)

function find<Result>(
  name: string,
  result: string,
  ...args: string[]
): (...values: NativeArgument[]) => Result {
  const address = symbolOf(program, name)
  if (address === undefined) {
    throw new HalError(
      'HAL_UNAVAILABLE',
      `the C library of this process has no ${name}, which this backend needs`,
    )
  }
  return bind(address, result, ...args)
}

const allocate = find<Pointer | null>('calloc', 'void *', 'size_t', 'size_t')
const copy = find<void>('memcpy', 'void', 'void *', 'void *', 'size_t')
const usable = find<number | bigint>('malloc_usable_size', 'size_t', 'void *')
const measure = find<number | bigint>('strnlen', 'size_t', 'void *', 'size_t')
const dlopen = find<Pointer | null>('dlopen', 'void *', 'str', 'int')

/** Frees a block of the allocator that runtimes use too. Takes null. */
export const free = find<void>('free', 'void', 'void *') as (block: Pointer) => void

/** A zeroed block, at least one byte. The caller owns it. @throws HalError HAL_RESOURCE_EXHAUSTED */
export function alloc(bytes: number): Pointer {
  const block = allocate(1, Math.max(1, bytes))
  if (block !== null) return block
  throw new HalError('HAL_RESOURCE_EXHAUSTED', `there is no native memory for ${bytes} bytes`)
}

export function write(to: Pointer, from: Uint8Array): void {
  if (from.length > 0) copy(to, from, from.length)
}

/** Fills `to`, which must lie on a SharedArrayBuffer or be large: small arrays on the JavaScript heap can move. */
export function read(to: Uint8Array, from: Pointer): void {
  if (to.length > 0) copy(to, from, to.length)
}

/** Bytes that a block of the allocator has room for. */
export function usableSize(block: Pointer): number {
  return Number(usable(block))
}

/** Between native memory, which must not overlap. */
export function copyTo(to: Pointer, from: Pointer, bytes: number): void {
  copy(to, from, bytes)
}

/** Bytes before the end of the string at `pointer`; `limit` where there is none before that. */
export function stringLength(pointer: Pointer, limit: number): number {
  return Number(measure(pointer, limit))
}

const trimAddress = process.platform === 'linux' ? symbolOf(program, 'malloc_trim') : undefined
const trim = trimAddress === undefined ? () => 0 : bind<number>(trimAddress, 'int', 'size_t')

/** Hands back to the system what a closed runtime has freed; glibc would keep it. */
export function releaseFreedMemory(): void {
  trim(0)
}

const NOW = 2
const NO_LOAD = 4
const NO_DELETE = 0x1000

/** Keeps a loaded library for as long as the process lives: threads of its own may still be in its code. */
export function pin(path: string): void {
  if (process.platform === 'linux') dlopen(path, NOW | NO_LOAD | NO_DELETE)
}
