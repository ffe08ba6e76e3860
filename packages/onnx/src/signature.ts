import { closeSync, fstatSync, openSync } from 'node:fs'
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

/** Of a model without its graph, and of the descriptions of its values: more is no ONNX model. */
const MAX_BYTES = 2 ** 24

/** What a model takes and gives. */
export type OnnxSignature = Pick<OnnxGraph, 'inputs' | 'outputs'>

/**
 * Reads what the model in the file takes and gives, without its weights and nodes: 100 MB of weights are stepped over.
 * @throws HalError HAL_NOT_FOUND when there is no such file; otherwise as {@link decodeModel}
 */
export function readSignature(path: string): OnnxSignature {
  const file = open(path)
  try {
    const initializers = new Set<string>()
    const model = withoutContent(new FieldReader(file), fstatSync(file).size, initializers)
    const { inputs, outputs } = decodeModel(model).graph
    // Up to version 3 of the format, and as defaults since then, initializers are among the inputs.
    return { inputs: inputs.filter(({ name }) => !initializers.has(name)), outputs }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new HalError('HAL_INVALID_ARGUMENT', `${path} is not an ONNX model: ${cause.message}`, { cause })
  } finally {
    closeSync(file)
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new HalError('HAL_NOT_FOUND', `there is no model file ${path}`, { cause })
  }
}

/** The same model with nothing in its graph but its inputs and outputs. Adds the names of its weights to `initializers`. */
function withoutContent(reader: FieldReader, size: number, initializers: Set<string>): Buffer {
  let left = MAX_BYTES
  const read = (field: Field): Buffer => {
    left -= field.end - field.start
    if (left < 0) throw new RangeError(`the descriptions of its values take more than ${MAX_BYTES} bytes`)
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
      if (part.number !== Graph.initializer) continue
      for (const detail of reader.fields(part.start, part.end)) {
        if (detail.number === TENSOR_NAME) initializers.add(read(detail).toString())
      }
    }
    kept.push(message(Model.graph, Buffer.concat(values)))
  }
  return Buffer.concat(kept)
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
