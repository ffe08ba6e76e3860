import { HalError } from '@xpu-hal/core/backend'
import koffi from 'koffi'

/** A native pointer; 0n is null. */
export type Pointer = bigint

type NativeArgument = Pointer | number | string | ArrayBufferView | null
type NativeFunction<Result> = (...values: NativeArgument[]) => Result

/** @throws HalError HAL_UNIMPLEMENTED where workers cannot be processes: elsewhere than on Linux with 64 bits. */
export function requireLinux(): void {
  const { platform, arch } = process
  if (platform === 'linux' && arch !== 'arm' && arch !== 'ia32') return
  const message = `isolation 'process' needs Linux on a 64-bit processor; this is ${platform} on ${arch}`
  throw new HalError('HAL_UNIMPLEMENTED', message)
}

/**
 * A function of the C library of this process, looked up at its first call, so that importing this works everywhere.
 * @throws HalError HAL_UNIMPLEMENTED elsewhere than on Linux; HAL_UNAVAILABLE where the C library has none of that name.
 */
export function libcFunction<Result>(name: string, result: string, args: string[]): NativeFunction<Result> {
  let bound: NativeFunction<Result> | undefined
  return (...values) => {
    bound ??= find<Result>(name, result, args)
    return bound(...values)
  }
}

function find<Result>(name: string, result: string, args: string[]): NativeFunction<Result> {
  requireLinux()
  try {
    return koffi.load(null).func(name, result, args)
  } catch (cause) {
    const message = `the C library of this process has no ${name}, which isolation 'process' needs`
    throw new HalError('HAL_UNAVAILABLE', message, { cause })
  }
}

const FULL = ['ENOMEM', 'ENOSPC', 'EMFILE', 'ENFILE', 'EFBIG', 'EAGAIN']

/** Name of the error of the last call: `ENOMEM`, for example. To be asked for before anything else is called. */
export function lastError(): string {
  const number = koffi.errno()
  const known = Object.entries(koffi.os.errno).find(([, value]) => value === number)
  return known?.[0] ?? `errno ${number}`
}

/** The error of a call that failed with `status`; HAL_RESOURCE_EXHAUSTED where the system has no more of something. */
export function failure(call: string, status: string, doing: string): HalError {
  const code = FULL.includes(status) ? 'HAL_RESOURCE_EXHAUSTED' : 'HAL_INTERNAL'
  return new HalError(code, `${doing}: ${call} failed with ${status}`, { native: { call, status } })
}

/** The value of a call that gives -1 where it fails. */
export function checked(call: string, value: number, doing: string): number {
  if (value === -1) throw failure(call, lastError(), doing)
  return value
}
