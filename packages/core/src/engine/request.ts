import type { EngineDriver } from '../backend.js'
import { now } from '../clock.js'
import type { Inputs, RunOptions } from '../engine.js'
import type { Tensor } from '../tensor.js'
import { checkInputs } from './inputs.js'
import type { OutputSet } from './memory.js'
import { checkCallerOutputs, checkPriority } from './run-options.js'
import { checkWaitOptions, throwIfAborted } from './watch.js'

/** A run whose arguments are checked, before it is accepted. */
export interface Request {
  readonly inputs: readonly Tensor[]
  readonly inputNames: readonly string[]
  /** Bytes of inputs that had to be copied to check them. */
  readonly bytesCopied: number
  readonly callerOutputs: OutputSet | undefined
  readonly options: RunOptions
  /** Milliseconds of the monotonic clock. */
  readonly submittedAt: number
  /** Queue level; `undefined` is the engine's. */
  readonly level: number | undefined
}

/** @throws HalError HAL_INVALID_ARGUMENT, HAL_ABORTED; TypeError for what is missing. */
export function checkRequest(driver: EngineDriver, inputs: Inputs, options: RunOptions): Request {
  const submittedAt = now()
  checkWaitOptions(options)
  const names = driver.inputs.map(({ name }) => name)
  const { tensors, names: inputNames, bytesCopied } = checkInputs(inputs, driver.inputs, names)
  const callerOutputs = checkCallerOutputs(options.outputs, driver.outputs)
  const level = options.priority === undefined ? undefined : checkPriority(options.priority)
  throwIfAborted(options.signal, 'the run')
  return { inputs: tensors, inputNames, bytesCopied, callerOutputs, options, submittedAt, level }
}
