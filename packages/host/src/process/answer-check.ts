import { HalError, type HalErrorCode, isDataType } from '@xpu-hal/core/backend'
import { MAX_CAUSES } from '../error.js'
import type { LoadedModel } from '../runner.js'
import type { ProcessAnswer } from './message.js'

/** Outputs of one answer, at most. */
const MAX_ROOMS = 10_000

type Unproven = Readonly<Record<string, unknown>>

const codes: Readonly<Record<HalErrorCode, true>> = {
  HAL_INVALID_ARGUMENT: true,
  HAL_NOT_FOUND: true,
  HAL_DEADLINE_EXCEEDED: true,
  HAL_ABORTED: true,
  HAL_RESOURCE_EXHAUSTED: true,
  HAL_FAILED_PRECONDITION: true,
  HAL_UNAVAILABLE: true,
  HAL_UNIMPLEMENTED: true,
  HAL_DATA_LOSS: true,
  HAL_DEVICE_LOST: true,
  HAL_INTERNAL: true,
}

/** What an error may say of where it happened; anything else could overwrite the error itself. */
const details: Readonly<Record<string, (value: unknown) => boolean>> = {
  device: isString,
  engine: isString,
  job: isSize,
  native: (value) => isObject(value) && isString(value.call) && isStatus(value.status),
}

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

/**
 * What a worker process has told of the model that it has loaded.
 * @throws HalError HAL_DATA_LOSS when that makes no sense.
 */
export function checkLoaded(model: unknown): LoadedModel<unknown> {
  const fits =
    isObject(model) &&
    isList(model.inputs, isInfo) &&
    isList(model.outputs, isInfo) &&
    (model.outputShapes === 'exact' || model.outputShapes === 'hint')
  if (fits) return model as unknown as LoadedModel<unknown>
  throw new HalError('HAL_DATA_LOSS', 'the worker process described its model in a way that makes no sense')
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

function isInfo(info: unknown): boolean {
  return (
    isObject(info) &&
    isString(info.name) &&
    isDataType(info.dataType) &&
    isList(info.shape, (dimension) => dimension === -1 || isSize(dimension))
  )
}

function isError(error: unknown, depth = 0): boolean {
  if (!isObject(error) || !isString(error.name) || !isString(error.message)) return false
  const { code, cause, stack } = error
  if (code !== undefined && !(isString(code) && Object.hasOwn(codes, code as string))) return false
  if (stack !== undefined && !isString(stack)) return false
  return isDetails(error.details) && (cause === undefined || isCause(cause, depth + 1))
}

function isDetails(given: unknown): boolean {
  return (
    isObject(given) &&
    Object.entries(given).every(
      ([key, value]) => Object.hasOwn(details, key) && details[key]?.(value) === true,
    )
  )
}

function isCause(cause: unknown, depth: number): boolean {
  return isObject(cause) && (!('error' in cause) || (depth <= MAX_CAUSES + 1 && isError(cause.error, depth)))
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

function isStatus(value: unknown): boolean {
  return value === undefined || isString(value) || Number.isFinite(value)
}
