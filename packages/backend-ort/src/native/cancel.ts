import koffi from 'koffi'
import { type OrtApi, type Pointer, resultOf } from './api.js'
import { LOG_FATAL } from './session.js'

// Made once: koffi keeps every type for as long as the thread lives.
const setTerminateType = koffi.proto('void *', ['void *'])
const releaseStatusType = koffi.proto('void', ['void *'])

const NONE = 2n ** 64n - 1n
/** Position and offset in bytes of the job to cancel. */
const JOB = 3
const JOB_OFFSET = 24n

/**
 * Stops runs of one thread from another. That thread has not loaded the library, so all it gets is the address of four
 * words: `RunOptionsSetTerminate`, `ReleaseStatus`, the run options, and a place for the job to cancel.
 *
 * ONNX Runtime's own flag lies in the run options, which all runs of a thread have in common. The job tells a cancellation
 * that came just before its run from one that came just after the run before.
 */
export class Cancellation {
  /** For `Run`. */
  readonly runOptions: Pointer
  /** Address of the words, for {@link cancelRun}. Valid until `close`. */
  readonly token: Pointer
  private readonly words = new BigUint64Array(new SharedArrayBuffer(32))

  constructor(private readonly api: OrtApi) {
    this.runOptions = resultOf(api.CreateRunOptions)
    api.RunOptionsSetRunLogSeverityLevel(this.runOptions, LOG_FATAL)
    const { setTerminate, releaseStatus } = api.addresses
    this.words.set([setTerminate, releaseStatus, this.runOptions, NONE])
    this.token = koffi.address(this.words)
  }

  /** Forgets cancellations of earlier runs. False when `job` itself is cancelled already. */
  begin(job: number): boolean {
    this.api.RunOptionsUnsetTerminate(this.runOptions)
    return Atomics.exchange(this.words, JOB, NONE) !== BigInt(job)
  }

  close(): void {
    this.api.ReleaseRunOptions(this.runOptions)
  }
}

/** Stops `job` on the thread whose {@link Cancellation} has this token, before it begins or between two operators. */
export function cancelRun(token: Pointer, job: number): void {
  const [setTerminate, releaseStatus, runOptions] = koffi.decode(token, 'void *', JOB)
  // In this order: whoever misses the job in `begin` has the flag still to come.
  const place = new BigUint64Array(koffi.view(token + JOB_OFFSET, 8))
  Atomics.store(place, 0, BigInt(job))
  const status = koffi.call(setTerminate, setTerminateType, runOptions)
  if (status !== null) koffi.call(releaseStatus, releaseStatusType, status)
}
