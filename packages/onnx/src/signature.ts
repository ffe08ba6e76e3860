import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'
import { HalError } from '@xpu-hal/core'
import { decodeModel } from './decode.js'
import { type Field, FieldReader } from './fields.js'
import type { OnnxGraph } from './model.js'

/** Numbers of the fields of ONNX's messages. */
const Model = { irVersion: 1, graph: 7, opsetImport: 8 } as const
const Graph = { initializer: 5, input: 11, output: 12 } as const
const TENSOR_NAME = 8
/** The wire type of a message. */
const LENGTH = 2

/**
 * What is kept of a file counts its bytes, and this much for each part, since an empty part takes memory too: together at
 * most `MAX_KEPT`, more than any model's inputs and outputs take.
 */
const PART_BYTES = 64
const MAX_KEPT = 2 ** 20

/** What a model takes and gives. */
export type OnnxSignature = Pick<OnnxGraph, 'inputs' | 'outputs'>

/**
 * Reads what the model in the file takes and gives, without its weights and nodes: 100 MB of weights are stepped over.
 * @throws HalError HAL_NOT_FOUND when there is no such file; otherwise as {@link decodeModel}
 */
export function readSignature(path: string): OnnxSignature {
  const file = open(path)
  try {
    const { size } = regular(file, path)
    const reader = new FieldReader(file)
    const { inputs, outputs } = decodeModel(withoutContent(reader, size)).graph
    // Up to version 3 of the format, and as defaults since then, initializers are among the inputs.
    const initializers = initializersAmong(new Set(inputs.map(({ name }) => name)), reader, size)
    return { inputs: inputs.filter(({ name }) => !initializers.has(name)), outputs }
  } catch (cause) {
    if (HalError.isInstance(cause)) {
      throw new HalError(cause.code, `model ${path}: ${cause.message}`, { cause })
    }
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError('HAL_INVALID_ARGUMENT', `${path} is not an ONNX model: ${reason}`, { cause })
  } finally {
    closeSync(file)
  }
}

function open(path: string): number {
  try {
    // A pipe would otherwise wait for somebody to write to it.
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const what =
      code === 'ENOENT' ? `there is no model file ${path}` : `model ${path} cannot be read: ${message}`
    throw new HalError('HAL_NOT_FOUND', what, { cause })
  }
}

function regular(file: number, path: string): Stats {
  const found = fstatSync(file)
  if (!found.isFile()) throw new HalError('HAL_INVALID_ARGUMENT', `${path} is not a file`)
  return found
}

/** The same model with nothing in its graph but its inputs and outputs. */
function withoutContent(reader: FieldReader, size: number): Buffer {
  let left = MAX_KEPT
  const charge = (bytes: number) => {
    left -= bytes + PART_BYTES
    if (left < 0) throw new RangeError('the descriptions of its inputs and outputs are too long')
  }
  const read = (field: Field): Buffer => {
    charge(field.end - field.start)
    return reader.bytes(field)
  }
  const kept: Buffer[] = []
  for (const field of reader.fields(0, size)) {
    if (field.number === Model.irVersion) kept.push(Buffer.of(Model.irVersion << 3), read(field))
    if (field.number === Model.opsetImport) kept.push(message(Model.opsetImport, read(field)))
    if (field.number !== Model.graph) continue
    const values: Buffer[] = []
    for (const part of reader.fields(field.start, field.end)) {
      if (part.number === Graph.input || part.number === Graph.output)
        values.push(message(part.number, read(part)))
    }
    charge(0)
    kept.push(message(Model.graph, Buffer.concat(values)))
  }
  return Buffer.concat(kept)
}

/** Which of the names are those of weights. Other names of weights are not kept: there may be any number. */
function initializersAmong(names: ReadonlySet<string>, reader: FieldReader, size: number): Set<string> {
  const found = new Set<string>()
  if (names.size === 0) return found
  for (const field of reader.fields(0, size)) {
    if (field.number !== Model.graph) continue
    for (const part of reader.fields(field.start, field.end)) {
      if (part.number !== Graph.initializer) continue
      for (const detail of reader.fields(part.start, part.end)) {
        if (detail.number !== TENSOR_NAME || detail.end - detail.start > MAX_KEPT) continue
        const name = reader.bytes(detail).toString()
        if (names.has(name)) found.add(name)
      }
    }
  }
  return found
}

/** A field that holds a message. */
function message(number: number, content: Buffer): Buffer {
  const length: number[] = []
  for (let rest = content.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest >= 128 ? (rest % 128) + 128 : rest)
    if (rest < 128) break
  }
  return Buffer.concat([Buffer.of((number << 3) | LENGTH, ...length), content])
}
