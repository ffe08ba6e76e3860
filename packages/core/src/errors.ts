/**
 * What went wrong, in one word. Codes are API: they never change their meaning. Messages are not.
 *
 * - `HAL_INVALID_ARGUMENT`: an input, option or model that can never work; change it.
 * - `HAL_NOT_FOUND`: a file, device, backend or job that does not exist (a collected job included).
 * - `HAL_DEADLINE_EXCEEDED`: a `timeout` passed. The work may still be going on in the device; its result is dropped.
 * - `HAL_ABORTED`: an `AbortSignal` fired, or the engine was closed before the run was accepted.
 * - `HAL_RESOURCE_EXHAUSTED`: full; try again later or raise the limit that the message names.
 * - `HAL_FAILED_PRECONDITION`: the call is legal, but not now (engine closed, job waited for twice).
 * - `HAL_UNAVAILABLE`: no device, library or runtime that can serve this.
 * - `HAL_UNIMPLEMENTED`: this backend, device or runtime cannot do it.
 * - `HAL_DATA_LOSS`: an answer that is damaged or cannot be attributed; it was thrown away.
 * - `HAL_DEVICE_LOST`: the device, its runtime or its worker is gone.
 * - `HAL_INTERNAL`: the runtime failed, or this library did.
 */
export type HalErrorCode =
  | 'HAL_INVALID_ARGUMENT'
  | 'HAL_NOT_FOUND'
  | 'HAL_DEADLINE_EXCEEDED'
  | 'HAL_ABORTED'
  | 'HAL_RESOURCE_EXHAUSTED'
  | 'HAL_FAILED_PRECONDITION'
  | 'HAL_UNAVAILABLE'
  | 'HAL_UNIMPLEMENTED'
  | 'HAL_DATA_LOSS'
  | 'HAL_DEVICE_LOST'
  | 'HAL_INTERNAL'

/** A call into a vendor's library that failed, and what it returned. */
export interface NativeCall {
  readonly call: string
  readonly status?: number | string
}

/** Where an error happened. Every part is optional: an error carries what is known. */
export interface HalErrorDetails {
  readonly device?: string
  readonly engine?: string
  readonly job?: number
  readonly native?: NativeCall
  readonly cause?: unknown
}

const marker = Symbol.for('xpu-hal.error')

/** The one error class of the HAL. Tell errors apart by `code`, and recognise them with {@link HalError.isInstance}. */
export class HalError extends Error {
  override readonly name = 'HalError'
  readonly code: HalErrorCode
  readonly device?: string
  readonly engine?: string
  readonly job?: number
  readonly native?: NativeCall

  constructor(code: HalErrorCode, message: string, details: HalErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    if (details.device !== undefined) this.device = details.device
    if (details.engine !== undefined) this.engine = details.engine
    if (details.job !== undefined) this.job = details.job
    if (details.native !== undefined) this.native = details.native
    Object.defineProperty(this, marker, { value: true })
  }

  /** True for a HalError of any copy or version of this package, unlike `instanceof`. */
  static isInstance(value: unknown): value is HalError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[marker] === true
  }

  /** `error` itself when it is a HalError, else a HAL_INTERNAL with `error` as its cause. Details fill what is missing. */
  static from(error: unknown, details: HalErrorDetails = {}): HalError {
    if (!HalError.isInstance(error)) {
      const message = error instanceof Error ? error.message : String(error)
      return new HalError('HAL_INTERNAL', message, { cause: error, ...details })
    }
    const { device, engine, job, native } = error
    const known = { ...(device !== undefined && { device }), ...(engine !== undefined && { engine }) }
    const inner = { ...(job !== undefined && { job }), ...(native !== undefined && { native }) }
    const merged: HalErrorDetails = { ...details, ...known, ...inner }
    if (merged.device === device && merged.engine === engine && merged.job === job) return error
    const copy = new HalError(error.code, error.message, { ...merged, cause: error.cause })
    if (error.stack !== undefined) copy.stack = error.stack
    return copy
  }
}
