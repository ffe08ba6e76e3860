import { HalError, type Tensor } from '@xpu-hal/core'
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from './model.js'
import {
  ATTRIBUTE_TYPES,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  readProto,
  toNumberOrBigInt,
  type ValueInfoProto,
} from './proto.js'
import { dataTypeOf, decodeTensor } from './tensor.js'

// The decoder's messages have the defaults of absent fields on their prototypes.
const given = <T>(message: T, field: keyof T) => Object.hasOwn(message as object, field)
const utf8 = new TextDecoder()

/**
 * Reads an ONNX file. Weights come out on SharedArrayBuffers; the result shares no memory with `bytes`. Strings that
 * are not UTF-8 lose the bytes that are not.
 * @throws HalError HAL_INVALID_ARGUMENT when `bytes` is not a whole ONNX model; HAL_UNIMPLEMENTED for what
 * {@link OnnxModel} has no words for: functions, weights that are sparse or in other files, values that are not
 * tensors, data types without a counterpart.
 */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  const proto = parse(bytes)
  if (!proto.graph) throw notOnnx('it has no graph')
  if (proto.functions?.length) {
    throw new HalError('HAL_UNIMPLEMENTED', 'the model defines functions, which are not supported')
  }
  const irVersion = Number(proto.irVersion ?? 0)
  const imports = proto.opsetImport ?? []
  // Before version 3 of the format there was one operator set, and no field for it.
  if (imports.length === 0 && irVersion >= 3) throw notOnnx('it names no operator set')
  let opset = 1
  const domains: [string, number][] = []
  for (const { domain = '', version = 1 } of imports) {
    if (domain === '' || domain === 'ai.onnx') opset = Number(version)
    else domains.push([domain, Number(version)])
  }
  const metadata = Object.fromEntries((proto.metadataProps ?? []).map(({ key, value }) => [key, value ?? '']))
  return {
    graph: decodeGraph(proto.graph),
    opset,
    ...(domains.length > 0 && { domains: Object.fromEntries(domains) }),
    irVersion,
    ...(proto.producerName && { producer: proto.producerName }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
}

function parse(bytes: Uint8Array): ModelProto {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('decodeModel: bytes must be a Uint8Array')
  if (bytes.length === 0) throw notOnnx('it is empty')
  try {
    return readProto(bytes)
  } catch (cause) {
    const reason = cause instanceof RangeError ? 'it is cut off or damaged' : 'it is damaged'
    throw notOnnx(`${reason} (${cause instanceof Error ? cause.message : cause})`, cause)
  }
}

function notOnnx(reason: string, cause?: unknown): HalError {
  return new HalError('HAL_INVALID_ARGUMENT', `not an ONNX model: ${reason}`, { cause })
}

function decodeGraph(proto: GraphProto): OnnxGraph {
  if (proto.sparseInitializer?.length) {
    throw new HalError('HAL_UNIMPLEMENTED', 'the model has sparse weights, which are not supported')
  }
  // By entries, here and below: assigning to a name of `__proto__` would set none.
  const initializers = Object.fromEntries(
    (proto.initializer ?? []).map((tensor): [string, Tensor] => {
      const name = tensor.name ?? ''
      return [name, decodeTensor(tensor, `initializer "${name}"`)]
    }),
  )
  // Up to version 3 of the format, and as defaults since then, initializers are among the inputs.
  const inputs = (proto.input ?? []).filter(({ name = '' }) => !Object.hasOwn(initializers, name))
  return {
    name: proto.name ?? '',
    inputs: inputs.map((value) => decodeValue(value, 'input')),
    outputs: (proto.output ?? []).map((value) => decodeValue(value, 'output')),
    ...(Object.keys(initializers).length > 0 && { initializers }),
    nodes: (proto.node ?? []).map(decodeNode),
  }
}

function decodeValue({ name = '', type }: ValueInfoProto, kind: string): OnnxValue {
  const tensor = type?.tensorType
  if (!tensor) {
    throw new HalError('HAL_UNIMPLEMENTED', `${kind} "${name}" is not a tensor, which is not supported`)
  }
  const dataType = dataTypeOf(tensor.elemType ?? 0, `${kind} "${name}"`)
  if (!tensor.shape) return { name, dataType }
  const shape = (tensor.shape.dim ?? []).map((dim) =>
    given(dim, 'dimValue') ? Number(dim.dimValue) : (dim.dimParam ?? ''),
  )
  return { name, dataType, shape }
}

function decodeNode(proto: NodeProto): OnnxNode {
  const op = proto.opType ?? ''
  const attributes = Object.fromEntries(
    (proto.attribute ?? []).map((attribute) => [attribute.name ?? '', decodeAttribute(attribute, op)]),
  )
  return {
    op,
    inputs: [...(proto.input ?? [])],
    outputs: [...(proto.output ?? [])],
    ...(Object.keys(attributes).length > 0 && { attributes }),
    ...(proto.name && { name: proto.name }),
    ...(proto.domain && { domain: proto.domain }),
  }
}

function decodeAttribute(proto: AttributeProto, op: string): OnnxAttribute {
  const of = `attribute "${proto.name}" of ${op}`
  switch (proto.type || guessType(proto)) {
    case ATTRIBUTE_TYPES.float:
      return { float: proto.f ?? 0 }
    case ATTRIBUTE_TYPES.int:
      return { int: toNumberOrBigInt(proto.i ?? 0) }
    case ATTRIBUTE_TYPES.string:
      return { string: utf8.decode(proto.s) }
    case ATTRIBUTE_TYPES.tensor:
      return { tensor: decodeTensor(proto.t ?? {}, of) }
    case ATTRIBUTE_TYPES.graph:
      return { graph: decodeGraph(proto.g ?? {}) }
    case ATTRIBUTE_TYPES.floats:
      return { floats: [...(proto.floats ?? [])] }
    case ATTRIBUTE_TYPES.ints:
      return { ints: (proto.ints ?? []).map(toNumberOrBigInt) }
    case ATTRIBUTE_TYPES.strings:
      return { strings: (proto.strings ?? []).map((text) => utf8.decode(text)) }
    default:
      throw new HalError('HAL_UNIMPLEMENTED', `${of} has the type ${proto.type}, which is not supported`)
  }
}

/** Version 1 of the format did not write the type. */
function guessType(proto: AttributeProto): number | undefined {
  if (given(proto, 'f')) return ATTRIBUTE_TYPES.float
  if (given(proto, 'i')) return ATTRIBUTE_TYPES.int
  if (given(proto, 's')) return ATTRIBUTE_TYPES.string
  if (proto.t) return ATTRIBUTE_TYPES.tensor
  if (proto.g) return ATTRIBUTE_TYPES.graph
  if (proto.floats?.length) return ATTRIBUTE_TYPES.floats
  if (proto.strings?.length) return ATTRIBUTE_TYPES.strings
  return ATTRIBUTE_TYPES.ints
}
