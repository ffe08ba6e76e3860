import { existsSync, readFileSync } from 'node:fs'
import { checkShape, HalError, isDataType, type TensorInfo } from '@xpu-hal/core/backend'
import { decodeModel, type OnnxValue } from '@xpu-hal/onnx'
import type { ModelTensors } from './config.js'

const UNKNOWN: ModelTensors = { inputs: [], outputs: [] }

/**
 * What the model in the file `path` takes and gives: as the file says when it is ONNX, else `<path>.json`, else `given`,
 * else nothing is known.
 * @throws HalError HAL_INVALID_ARGUMENT when the JSON file is not as it should be
 */
export function modelTensors(path: string, given: ModelTensors | undefined): ModelTensors {
  return fromOnnx(path) ?? fromJson(`${path}.json`) ?? given ?? UNKNOWN
}

function fromOnnx(path: string): ModelTensors | undefined {
  try {
    const { graph } = decodeModel(readFileSync(path))
    // Nobody could say what shape such an input is to have.
    if (graph.inputs.some(({ shape }) => shape === undefined)) return undefined
    return { inputs: graph.inputs.map(tensorInfo), outputs: graph.outputs.map(tensorInfo) }
  } catch {
    // Another format, or more than the decoder knows: the runtime decides what it makes of it.
    return undefined
  }
}

function tensorInfo({ name, dataType, shape = [] }: OnnxValue): TensorInfo {
  return { name, dataType, shape: shape.map((size) => (typeof size === 'number' ? size : -1)) }
}

function fromJson(path: string): ModelTensors | undefined {
  if (!existsSync(path)) return undefined
  try {
    const { inputs, outputs } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    return { inputs: checkedList(inputs, 'inputs'), outputs: checkedList(outputs, 'outputs') }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError('HAL_INVALID_ARGUMENT', `${path}: ${reason}`, { cause })
  }
}

function checkedList(list: unknown, of: string): TensorInfo[] {
  if (!Array.isArray(list)) throw new Error(`${of} is no list`)
  return list.map((entry: Partial<TensorInfo> | null, i) => {
    const { name, dataType, shape } = entry ?? {}
    if (typeof name !== 'string') throw new Error(`${of}[${i}] has no name`)
    if (!isDataType(dataType)) throw new Error(`${of}[${i}] has the unknown data type ${String(dataType)}`)
    // -1 is allowed here.
    checkShape(Array.isArray(shape) ? shape.map((size) => (size === -1 ? 0 : size)) : shape, `${of}[${i}]`)
    return { name, dataType, shape: shape as number[] }
  })
}
