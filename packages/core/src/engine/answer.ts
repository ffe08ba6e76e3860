import type { RunAnswer } from '../backend.js'
import type { Outputs } from '../engine.js'
import { HalError } from '../errors.js'
import type { TensorInfo } from '../model.js'
import type { Tensor } from '../tensor.js'
import { checkTensor, describe, shapeFits } from '../tensor-check.js'
import { copyData } from './memory.js'

/**
 * The outputs of a run by name, once they are what the model promises.
 * @throws HalError HAL_DATA_LOSS when the answer is damaged, HAL_INVALID_ARGUMENT when the caller's tensor is too small.
 */
export function checkAnswer(
  answer: RunAnswer,
  infos: readonly TensorInfo[],
  shapes: 'exact' | 'hint',
  callerOutputs: readonly (Tensor | undefined)[] | undefined,
): { outputs: Outputs; bytesCopied: number } {
  const names = infos.length > 0 ? infos.map(({ name }) => name) : (answer.outputNames ?? [])
  if (answer.outputs.length !== names.length) {
    throw damaged(`${names.length} outputs were expected, ${answer.outputs.length} came`)
  }
  const outputs: Outputs = {}
  let bytesCopied = 0
  names.forEach((name, i) => {
    const tensor = answer.outputs[i] as Tensor
    checkOne(tensor, name, infos[i], shapes)
    const target = callerOutputs?.[i]
    if (target !== undefined && target.data !== tensor.data) {
      const fits = tensor.dataType === target.dataType && shapeFits(tensor.shape, target.shape)
      if (!fits) throw misfit(name, tensor, target)
      bytesCopied += copyData(tensor, target)
    }
    // Not by assignment: a model may call an output '__proto__'.
    Object.defineProperty(outputs, name, {
      value: target ?? tensor,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  })
  return { outputs, bytesCopied }
}

function checkOne(
  tensor: Tensor,
  name: string,
  info: TensorInfo | undefined,
  shapes: 'exact' | 'hint',
): void {
  const expected = info !== undefined && shapes === 'hint' ? { ...info, shape: tensor.shape } : info
  try {
    checkTensor(tensor, `output '${name}'`, expected)
  } catch (error) {
    throw damaged((error as Error).message)
  }
}

function damaged(message: string): HalError {
  return new HalError('HAL_DATA_LOSS', `the device gave a damaged answer, which was thrown away: ${message}`)
}

function misfit(name: string, came: Tensor, target: Tensor): HalError {
  return new HalError(
    'HAL_INVALID_ARGUMENT',
    `output '${name}' is ${describe(came.dataType, came.shape)}, your tensor for it is ` +
      `${describe(target.dataType, target.shape)}`,
  )
}
