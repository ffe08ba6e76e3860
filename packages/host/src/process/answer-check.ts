import { HalError, isDataType } from '@xpu-hal/core/backend'
import type { ProcessAnswer } from './message.js'

/** Outputs of one answer, at most. */
const MAX_ROOMS = 10_000

type Unproven = Readonly<Record<string, unknown>>

/**
 * A message of a worker process, whose memory belongs to somebody else's code.
 * @throws HalError HAL_DATA_LOSS when it is none that a worker sends.
 */
export function checkAnswer(message: unknown): ProcessAnswer {
  if (!isObject(message) || !isAnswer(message)) {
    throw new HalError('HAL_DATA_LOSS', 'the worker process sent a message that makes no sense')
  }
  return message as unknown as ProcessAnswer
}

function isAnswer(message: Unproven): boolean {
  switch (message.kind) {
    case 'reply':
      return message.error === undefined || isError(message.error)
    case 'lost':
      return isError(message.error)
    case 'failure':
      return isSize(message.slot) && isError(message.error)
    case 'room':
      return isList(message.bytes, isSize) && (message.bytes as unknown[]).length <= MAX_ROOMS
    case 'outputs':
      return (
        isSize(message.slot) &&
        isList(message.outputs, isOutput) &&
        (message.outputNames === undefined || isList(message.outputNames, isString)) &&
        message.loan === undefined
      )
    default:
      return false
  }
}

function isOutput(output: unknown): boolean {
  if (output === null) return true
  if (!isObject(output) || !isDataType(output.dataType) || !isList(output.shape, isSize)) return false
  const { data } = output
  if (output.dataType === 'string') return isList(data, isString)
  return isObject(data) && isSize(data.address) && data.byteOffset === 0 && isSize(data.length)
}

function isError(error: unknown): boolean {
  if (!isObject(error) || !isString(error.name) || !isString(error.message)) return false
  if (error.code !== undefined && !isString(error.code)) return false
  const { cause, stack, details } = error
  if (stack !== undefined && !isString(stack)) return false
  return (
    isObject(details) &&
    (cause === undefined || (isObject(cause) && (!('error' in cause) || isError(cause.error))))
  )
}

function isObject(value: unknown): value is Unproven {
  return typeof value === 'object' && value !== null
}

function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem)
}

function isString(value: unknown): boolean {
  return typeof value === 'string'
}

function isSize(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
