import { HalError, type HalErrorCode, type HalErrorDetails } from '@xpu-hal/core/backend'

/** An error in a form that survives structured cloning with its class, its stack and its causes. */
export interface ErrorMessage {
  readonly code?: HalErrorCode
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly details: HalErrorDetails
  readonly cause?: CauseMessage
}

type CauseMessage = { readonly error: ErrorMessage } | { readonly value: unknown }

/** A cause that leads back to itself would never end. */
export const MAX_CAUSES = 8

/** What is not a HalError becomes HAL_INTERNAL, with the original as its cause. */
export function encodeError(error: unknown): ErrorMessage {
  const message = encode(error, 0)
  if (message.code !== undefined) return message
  return { ...message, code: 'HAL_INTERNAL', name: 'HalError', cause: { error: message } }
}

function encode(error: unknown, depth: number): ErrorMessage {
  if (!(error instanceof Error) && !HalError.isInstance(error)) {
    return { name: 'Error', message: String(error), details: {} }
  }
  const { name, message, stack, cause } = error
  const common = {
    name,
    message,
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: encodeCause(cause, depth + 1) }),
  }
  if (!HalError.isInstance(error)) return { ...common, details: {} }
  const { code, device, engine, job, native } = error
  const details: HalErrorDetails = {
    ...(device !== undefined && { device }),
    ...(engine !== undefined && { engine }),
    ...(job !== undefined && { job }),
    ...(native !== undefined && { native: { ...native } }),
  }
  return { ...common, code, details }
}

function encodeCause(cause: unknown, depth: number): CauseMessage {
  if (cause instanceof Error || HalError.isInstance(cause)) return { error: encode(cause, depth) }
  try {
    return { value: structuredClone(cause) }
  } catch {
    return { value: String(cause) }
  }
}

export function decodeError(message: ErrorMessage): Error {
  const cause = decodeCause(message.cause)
  const error =
    message.code === undefined
      ? new Error(message.message, cause === undefined ? undefined : { cause })
      : new HalError(message.code, message.message, { ...message.details, cause })
  if (message.code === undefined) {
    Object.defineProperty(error, 'name', { value: message.name, configurable: true, writable: true })
  }
  if (message.stack !== undefined) error.stack = message.stack
  return error
}

function decodeCause(cause: CauseMessage | undefined): unknown {
  if (cause === undefined) return undefined
  return 'error' in cause ? decodeError(cause.error) : cause.value
}
