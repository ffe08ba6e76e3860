import { readFileSync, type Stats, statSync } from 'node:fs'
import { checkShape, DATA_TYPES, HalError, isDataType, suggest, type TensorInfo } from '@xpu-hal/core/backend'
import { type OnnxValue, readSignature } from '@xpu-hal/onnx'

/** What a model takes and gives, in order. A dimension of -1 is not known before the run. */
export interface ModelTensors {
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
}

/** Thousands of tensors fit. */
const MAX_JSON_BYTES = 2 ** 20

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
    const { inputs, outputs } = readSignature(path)
    // Nobody could say what shape such an input is to have.
    if (inputs.some(({ shape }) => shape === undefined)) return undefined
    return { inputs: inputs.map(tensorInfo), outputs: outputs.map(tensorInfo) }
  } catch {
    // Another format, or more than the decoder knows: the runtime decides what it makes of it.
    return undefined
  }
}

function tensorInfo({ name, dataType, shape = [] }: OnnxValue): TensorInfo {
  return { name, dataType, shape: shape.map((size) => (typeof size === 'number' ? size : -1)) }
}

function fromJson(path: string): ModelTensors | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  try {
    checkFile(found)
    return checkTensors(JSON.parse(readFileSync(path, 'utf8')), path)
  } catch (cause) {
    if (cause instanceof HalError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError('HAL_INVALID_ARGUMENT', `${path}: ${reason}`, { cause })
  }
}

/** A pipe would wait for somebody to write to it, and a device need not end. */
function checkFile(found: Stats): void {
  if (!found.isFile()) throw new Error('it is not a file')
  if (found.size > MAX_JSON_BYTES) throw new Error(`it has more than ${MAX_JSON_BYTES} bytes`)
}

/** @throws HalError HAL_INVALID_ARGUMENT naming `source`, the place in it, and what is allowed there */
export function checkTensors(tensors: unknown, source: string): ModelTensors {
  try {
    const { inputs, outputs } = members(tensors, ['inputs', 'outputs'], 'it')
    return { inputs: checkedList(inputs, 'inputs'), outputs: checkedList(outputs, 'outputs') }
  } catch (cause) {
    throw new HalError('HAL_INVALID_ARGUMENT', `${source}: ${(cause as Error).message}`, { cause })
  }
}

function members(value: unknown, known: readonly string[], place: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${place} is no object with ${known.join(', ')}`)
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown !== undefined)
    throw new Error(`${place} has an unknown member '${unknown}'; ${suggest(unknown, known)}`)
  return value as Record<string, unknown>
}

function checkedList(list: unknown, of: string): TensorInfo[] {
  if (!Array.isArray(list)) throw new Error(`${of} is no list of tensors`)
  const infos = list.map((entry: unknown, i) => checkedTensor(entry, `${of}[${i}]`))
  const seen = new Set<string>()
  for (const { name } of infos) {
    if (seen.has(name)) throw new Error(`${of} has '${name}' twice`)
    seen.add(name)
  }
  return infos
}

function checkedTensor(entry: unknown, place: string): TensorInfo {
  const { name, dataType, shape } = members(entry, ['name', 'dataType', 'shape'], place)
  if (typeof name !== 'string' || name === '') throw new Error(`${place}.name is no name`)
  if (!isDataType(dataType)) {
    throw new Error(
      `${place}.dataType is ${typeof dataType === 'string' ? dataType : JSON.stringify(dataType)}; it is one of ${DATA_TYPES.join(', ')}`,
    )
  }
  // -1 is allowed here.
  checkShape(Array.isArray(shape) ? shape.map((size) => (size === -1 ? 0 : size)) : shape, place)
  return { name, dataType, shape: shape as number[] }
}
