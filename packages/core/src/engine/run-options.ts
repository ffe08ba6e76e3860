import { types } from 'node:util'
import type { Priority, RunOptions } from '../engine.js'
import { HalError } from '../errors.js'
import type { TensorInfo } from '../model.js'
import { suggest } from '../suggest.js'
import { shown, type Tensor } from '../tensor.js'
import { checkTensor } from '../tensor-check.js'
import { LEVELS } from './job.js'

/** The queue level of a priority. */
export function checkPriority(priority: Priority): number {
  const level = LEVELS.indexOf(priority)
  if (level < 0) {
    const known = suggest(shown(priority), LEVELS)
    throw new HalError('HAL_INVALID_ARGUMENT', `priority is '${shown(priority)}'; ${known}`)
  }
  return level
}

/** The caller's output tensors in the order of the model's outputs, each checked against what the model gives. */
export function checkCallerOutputs(
  outputs: RunOptions['outputs'],
  infos: readonly TensorInfo[],
): readonly (Tensor | undefined)[] | undefined {
  if (outputs === undefined) return undefined
  if (typeof outputs !== 'object' || outputs === null) throw new TypeError('outputs must be tensors by name')
  if (infos.length === 0) {
    const message =
      'the runtime does not tell the outputs of the model, so none can be given: leave `outputs` out'
    throw new HalError('HAL_INVALID_ARGUMENT', message)
  }
  const names = infos.map(({ name }) => name)
  for (const name of Object.keys(outputs)) {
    if (names.includes(name)) continue
    throw new HalError('HAL_INVALID_ARGUMENT', `the model has no output '${name}'; ${suggest(name, names)}`)
  }
  return infos.map((info) => {
    if (!Object.hasOwn(outputs, info.name)) return undefined
    const given = outputs[info.name]
    const checked = checkTensor(given, `output tensor '${info.name}'`, info)
    // The caller's own object, unless its members can still become others than those that were checked.
    const plain =
      !types.isProxy(given) && Object.getOwnPropertyDescriptor(given, 'data')?.value === checked.data
    return plain ? given : checked
  })
}
