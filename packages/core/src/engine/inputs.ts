import { types } from 'node:util'
import type { Inputs } from '../engine.js'
import { HalError } from '../errors.js'
import type { TensorInfo } from '../model.js'
import { suggest } from '../suggest.js'
import { byteLength, bytesPerElement, type NumericDataType, type Tensor, viewData } from '../tensor.js'
import { checkTensor } from '../tensor-check.js'
import type { EngineMemory } from './memory.js'

export interface CheckedInputs {
  /** In the order of the model's inputs; in the caller's order where the model's are not known. */
  readonly tensors: Tensor[]
  readonly names: readonly string[]
  /** Bytes that had to be copied to take one byte array apart. */
  readonly bytesCopied: number
}

/** The inputs of a run in the order of the model, each checked against what the model wants. */
export function checkInputs(
  inputs: Inputs,
  infos: readonly TensorInfo[],
  names: readonly string[],
  memory: Pick<EngineMemory, 'allocate'>,
): CheckedInputs {
  if (typeof inputs !== 'object' || inputs === null) {
    throw new TypeError('inputs are missing: pass tensors by name, in order, or as one Uint8Array')
  }
  // Not by instanceof: test runners and vm contexts have constructors of their own.
  if (types.isUint8Array(inputs)) return { ...split(inputs, infos, memory), names }
  if (ArrayBuffer.isView(inputs)) {
    const came = (inputs as ArrayBufferView).constructor.name
    throw new TypeError(`inputs are a bare ${came}: pass tensors by name, in order, or as one Uint8Array`)
  }
  if (Array.isArray(inputs)) return { tensors: checkList(inputs, infos), names, bytesCopied: 0 }
  return checkNamed(inputs as Readonly<Record<string, unknown>>, infos, names)
}

function checkNamed(
  inputs: Readonly<Record<string, unknown>>,
  infos: readonly TensorInfo[],
  names: readonly string[],
): CheckedInputs {
  const given = Object.keys(inputs)
  if (infos.length === 0) {
    return {
      tensors: given.map((name) => checkTensor(inputs[name], `input '${name}'`, undefined)),
      names: given,
      bytesCopied: 0,
    }
  }
  const tensors = infos.map((info) => {
    if (!Object.hasOwn(inputs, info.name)) {
      const got = given.length === 0 ? 'no inputs' : given.map((name) => `'${name}'`).join(', ')
      throw new HalError('HAL_INVALID_ARGUMENT', `input '${info.name}' is missing; got ${got}`)
    }
    return checkTensor(inputs[info.name], `input '${info.name}'`, info)
  })
  if (given.length > infos.length) {
    const unknown = given.find((name) => !names.includes(name)) as string
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `the model has no input '${unknown}'; ${suggest(unknown, names)}`,
    )
  }
  return { tensors, names, bytesCopied: 0 }
}

function checkList(inputs: readonly unknown[], infos: readonly TensorInfo[]): Tensor[] {
  if (infos.length === 0) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      'the runtime does not tell the names of the inputs: pass the tensors by name',
    )
  }
  if (inputs.length !== infos.length) {
    const names = infos.map(({ name }) => `'${name}'`).join(', ')
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `the model takes ${infos.length} inputs (${names}), got a list of ${inputs.length}`,
    )
  }
  return infos.map((info, i) => checkTensor(inputs[i], `input ${i} ('${info.name}')`, info))
}

/** One buffer with all inputs one after the other: views on it, or copies where an input is not aligned. */
function split(
  bytes: Uint8Array,
  infos: readonly TensorInfo[],
  memory: Pick<EngineMemory, 'allocate'>,
): Omit<CheckedInputs, 'names'> {
  const sizes = infos.map(({ dataType, shape }) => byteLength(dataType, shape))
  const dynamic = infos[sizes.indexOf(undefined)]
  if (infos.length === 0 || dynamic !== undefined) {
    const culprit =
      dynamic === undefined
        ? 'the runtime does not tell the inputs'
        : `input '${dynamic.name}' has no fixed size`
    throw new HalError('HAL_INVALID_ARGUMENT', `inputs as one byte array need fixed sizes, but ${culprit}`)
  }
  const total = sizes.reduce((sum: number, size) => sum + (size as number), 0)
  if (bytes.byteLength !== total) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `all inputs together are ${total} bytes, got ${bytes.byteLength}`,
    )
  }
  let offset = bytes.byteOffset
  let bytesCopied = 0
  const tensors = infos.map(({ dataType, shape }, i) => {
    const size = sizes[i] as number
    const element = bytesPerElement(dataType)
    const aligned = offset % element === 0
    const buffer = aligned ? bytes.buffer : memory.allocate(size)
    if (!aligned) {
      new Uint8Array(buffer).set(new Uint8Array(bytes.buffer, offset, size))
      bytesCopied += size
    }
    const data = viewData(dataType as NumericDataType, buffer, aligned ? offset : 0, size / element)
    offset += size
    return { dataType, shape, data }
  })
  return { tensors, bytesCopied }
}
