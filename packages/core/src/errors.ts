/**
 * What went wrong, in one word. Codes are API: they never change their meaning. Messages are not.
 *
 * - `HAL_INVALID_ARGUMENT`: an input, option or model that can never work; change it.
 * - `HAL_NOT_FOUND`: a file, device, backend or job that does not exist (a collected job included).
 * - `HAL_DEADLINE_EXCEEDED`: a `timeout` passed. The work may still be going on in the device; its result is dropped.
 * - `HAL_ABORTED`: an `AbortSignal` fired, or the engine was closed before the run was accepted or, with a timeout, settled.
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
  declare readonly device?: string
  declare readonly engine?: string
  declare readonly job?: number
  declare readonly native?: NativeCall

  constructor(code: HalErrorCode, message: string, details: HalErrorDetails = {}) {
    const { cause, ...where } = details
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, where)
    Object.defineProperty(this, marker, { value: true })
  }

  /** True for a HalError of any copy or version of this package, unlike `instanceof`. */
  static isInstance(value: unknown): value is HalError {
    return isHalError(value)
  }

  /** `error` itself when it is a HalError that has these details, else one that has, with `error` as its cause or stack. */
  static from(error: unknown, details: HalErrorDetails = {}): HalError {
    return toHalError(error, details)
  }
}

// Outside of the class, so that bundlers need not rename it: its name stands in every stack.
function isHalError(value: unknown): value is HalError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[marker] === true
}

function toHalError(error: unknown, details: HalErrorDetails): HalError {
  if (!isHalError(error)) {
    const message = error instanceof Error ? error.message : String(error)
    return new HalError('HAL_INTERNAL', message, { cause: error, ...details })
  }
  const missing = (['device', 'engine', 'job', 'native'] as const).filter(
    (key) => error[key] === undefined && details[key] !== undefined,
  )
  if (missing.length === 0) return error
  const { code, message, device, engine, job, native, cause, stack } = error
  const own = Object.entries({ device, engine, job, native, cause }).filter(
    ([, value]) => value !== undefined,
  )
  const copy = new HalError(code, message, { ...details, ...Object.fromEntries(own) })
  if (stack !== undefined) copy.stack = stack
  return copy
}
