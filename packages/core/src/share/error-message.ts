import { HalError, type HalErrorCode, type HalErrorDetails } from '../errors.js'

/** An error in a form that survives structured cloning with its class, its stack and its causes. */
export interface ErrorMessage {
  readonly name: string
  readonly message: string
  readonly stack?: string
  /** Of a HalError. */
  readonly code?: HalErrorCode
  readonly details?: HalErrorDetails
  readonly cause?: ErrorMessage
  /** It was no error but this. */
  readonly value?: unknown
}

/** A cause that leads back to itself would never end. */
const MAX_CAUSES = 8

const classes: Readonly<Record<string, ErrorConstructor>> = { TypeError, RangeError, SyntaxError }

export function encodeError(error: unknown, depth = 0): ErrorMessage {
  const isHalError = HalError.isInstance(error)
  if (!(error instanceof Error) && !isHalError) return { name: '', message: '', value: cloneable(error) }
  const { name, message, stack, cause } = error
  return {
    name: String(name),
    message: String(message),
    ...(typeof stack === 'string' && { stack }),
    ...(isHalError && { code: error.code, details: detailsOf(error) }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: encodeError(cause, depth + 1) }),
  }
}

function detailsOf({ device, engine, job, native }: HalError): HalErrorDetails {
  return {
    ...(device !== undefined && { device }),
    ...(engine !== undefined && { engine }),
    ...(job !== undefined && { job }),
    ...(native !== undefined && { native: { ...native } }),
  }
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value)
  } catch {
    return String(value)
  }
}

/** What was thrown there: an error of the same class, or the value that was none. */
export function decodeError({ name, message, stack, code, details, cause, value }: ErrorMessage): unknown {
  if (name === '') return value
  const inner = cause === undefined ? undefined : decodeError(cause)
  if (code !== undefined) return withStack(new HalError(code, message, { ...details, cause: inner }), stack)
  const Class = classes[name] ?? Error
  const error = new Class(message, inner === undefined ? undefined : { cause: inner })
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true })
  return withStack(error, stack)
}

function withStack(error: Error, stack: string | undefined): Error {
  if (stack !== undefined) error.stack = stack
  return error
}
