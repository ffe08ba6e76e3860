import { now } from '../clock.js'
import type { Inputs, RunOptions } from '../engine.js'
import type { Tensor } from '../tensor.js'
import { type CheckedInputs, checkInputs } from './inputs.js'
import type { EngineMemory, OutputSet } from './memory.js'
import { checkCallerOutputs, checkPriority } from './run-options.js'
import type { Signature } from './signature.js'
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
export function checkRequest(
  signature: Signature,
  memory: Pick<EngineMemory, 'allocate'>,
  inputs: Inputs,
  options: RunOptions,
): Request {
  const submittedAt = now()
  checkWaitOptions(options)
  const { tensors, names: inputNames, bytesCopied } = checkedInputs(signature, memory, inputs)
  const callerOutputs = checkCallerOutputs(options.outputs, signature.outputs)
  const level = options.priority === undefined ? undefined : checkPriority(options.priority)
  throwIfAborted(options.signal, 'the run')
  return { inputs: tensors, inputNames, bytesCopied, callerOutputs, options, submittedAt, level }
}

function checkedInputs(
  signature: Signature,
  memory: Pick<EngineMemory, 'allocate'>,
  inputs: Inputs,
): CheckedInputs {
  const names = signature.inputs.map(({ name }) => name)
  try {
    return checkInputs(inputs, signature.inputs, names, memory)
  } catch (error) {
    throw signature.explain(error)
  }
}
