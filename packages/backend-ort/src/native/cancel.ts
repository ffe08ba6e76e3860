import koffi from 'koffi'
import type { OrtApi, Pointer } from './api.js'

/**
 * What another thread needs to stop a run: the addresses of `RunOptionsSetTerminate` and `ReleaseStatus`, and the run
 * options. That thread has not loaded the library, so all it gets is the address of these three pointers.
 */
export function cancelBlock(api: OrtApi, runOptions: Pointer): BigUint64Array {
  const { setTerminate, releaseStatus } = api.addresses
  return new BigUint64Array(new SharedArrayBuffer(24)).map(
    (_, index) => [setTerminate, releaseStatus, runOptions][index] as Pointer,
  )
}

/** Stops the run whose {@link cancelBlock} lies at `token`. Setting the flag is safe while the run reads it. */
export function terminate(token: Pointer): void {
  const [setTerminate, releaseStatus, runOptions] = koffi.decode(token, 'void *', 3)
  const status = koffi.call(setTerminate, koffi.proto('void *', ['void *']), runOptions)
  if (status !== null) koffi.call(releaseStatus, koffi.proto('void', ['void *']), status)
}
