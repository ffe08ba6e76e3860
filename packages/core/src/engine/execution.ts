import type { EngineDriver, RunAnswer } from '../backend.js'
import { HalError, type HalErrorDetails } from '../errors.js'
import type { Job, Outcome, TaskOwner } from './job.js'
import type { RunMemory } from './memory.js'
import type { Request } from './request.js'

/** Brings accepted runs to the lanes, and their answers back. */
export interface Execution {
  /** Who hears of a run that is a task of its own. */
  readonly owner?: TaskOwner<Job>
  /** @throws HalError HAL_INVALID_ARGUMENT for a request that it cannot execute */
  check?(request: Request): void
  /** The memory of a run that is being accepted. */
  memoryFor(request: Request): RunMemory
  start(job: Job): void
  /** Takes a run out that has not begun. False: a driver is busy with it. */
  withdraw(job: Job): boolean
  /** Nobody waits any more for a run that a driver is busy with. */
  stop(job: Job): void
  /** Whether this driver is busy with it. */
  isBusyWith(driver: EngineDriver, job: Job): boolean
}

/** Called once a run that has not settled before; `answer` is that of the device, for its times. */
export type Settle = (job: Job, outcome: Outcome, answer?: RunAnswer) => void

/** One NaN would stay in the statistics and in the shares of the engines for good. */
export function measureFault(answer: RunAnswer): HalError | undefined {
  const serviceMs = answer?.endedAt - answer?.startedAt
  if (!Number.isFinite(serviceMs) || serviceMs < 0) {
    return new HalError('HAL_DATA_LOSS', 'the device gave an answer without times of execution')
  }
  if (Number.isSafeInteger(answer.bytesCopied) && answer.bytesCopied >= 0) return undefined
  const message = `the device gave an answer that copied ${answer.bytesCopied} bytes`
  return new HalError('HAL_DATA_LOSS', message)
}

export function isLoss(error: unknown): boolean {
  return HalError.isInstance(error) && error.code === 'HAL_DEVICE_LOST'
}

/** Where an error of a run belongs to. */
export function detailsOf(job: Job, origin: HalErrorDetails): HalErrorDetails {
  return { ...origin, ...(job.device !== undefined && { device: job.device }), job: job.job }
}
