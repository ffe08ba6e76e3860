import { HalError } from '@xpu-hal/core'
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from './model.js'
import {
  ATTRIBUTE_TYPES,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  toInt64,
  type ValueInfoProto,
  writeProto,
} from './proto.js'
import { dataTypeNumber, encodeTensor } from './tensor.js'

const DEFAULT_IR_VERSION = 8

/**
 * The bytes of an ONNX file. The same model gives the same bytes. Weights are only read; the result shares no memory
 * with them.
 * @throws HalError HAL_INVALID_ARGUMENT when a tensor's data does not fit its shape, or a type is unknown.
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  const { graph, opset, domains = {}, irVersion = DEFAULT_IR_VERSION, producer, metadata = {} } = model
  const used = Object.fromEntries([...domainsOf(graph)].sort().map((domain) => [domain, 1]))
  const imports = Object.entries({ '': opset, ...used, ...domains })
  return writeProto({
    irVersion,
    ...(producer !== undefined && { producerName: producer }),
    graph: encodeGraph(graph),
    opsetImport: imports.map(([domain, version]) => ({ domain, version })),
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  })
}

function domainsOf(graph: OnnxGraph, found = new Set<string>()): Set<string> {
  for (const { domain, attributes = {} } of graph.nodes) {
    if (domain !== undefined && domain !== '' && domain !== 'ai.onnx') found.add(domain)
    for (const attribute of Object.values(attributes)) {
      if ('graph' in attribute) domainsOf(attribute.graph, found)
    }
  }
  return found
}

function encodeGraph({ name, inputs, outputs, initializers = {}, nodes }: OnnxGraph): GraphProto {
  return {
    name,
    node: nodes.map(encodeNode),
    initializer: Object.entries(initializers).map(([key, tensor]) => encodeTensor(key, tensor)),
    input: inputs.map(encodeValue),
    output: outputs.map(encodeValue),
  }
}

function encodeValue({ name, dataType, shape }: OnnxValue): ValueInfoProto {
  const dim = shape?.map((size) => {
    if (typeof size === 'number') return { dimValue: size }
    return size === '' ? {} : { dimParam: size }
  })
  const tensorType = { elemType: dataTypeNumber(dataType), ...(dim !== undefined && { shape: { dim } }) }
  return { name, type: { tensorType } }
}

function encodeNode({ op, inputs, outputs, attributes = {}, name, domain }: OnnxNode): NodeProto {
  return {
    input: [...inputs],
    output: [...outputs],
    ...(name !== undefined && { name }),
    opType: op,
    attribute: Object.entries(attributes).map(([key, attribute]) => encodeAttribute(key, attribute)),
    ...(domain !== undefined && { domain }),
  }
}

function encodeAttribute(name: string, attribute: OnnxAttribute): AttributeProto {
  if ('int' in attribute) return { name, type: ATTRIBUTE_TYPES.int, i: toInt64(attribute.int) }
  if ('float' in attribute) return { name, type: ATTRIBUTE_TYPES.float, f: attribute.float }
  if ('string' in attribute) return { name, type: ATTRIBUTE_TYPES.string, s: Buffer.from(attribute.string) }
  if ('ints' in attribute) return { name, type: ATTRIBUTE_TYPES.ints, ints: attribute.ints.map(toInt64) }
  if ('floats' in attribute) return { name, type: ATTRIBUTE_TYPES.floats, floats: [...attribute.floats] }
  if ('strings' in attribute) {
    return {
      name,
      type: ATTRIBUTE_TYPES.strings,
      strings: attribute.strings.map((text) => Buffer.from(text)),
    }
  }
  if ('tensor' in attribute) {
    return { name, type: ATTRIBUTE_TYPES.tensor, t: encodeTensor(name, attribute.tensor) }
  }
  if ('graph' in attribute) return { name, type: ATTRIBUTE_TYPES.graph, g: encodeGraph(attribute.graph) }
  const members = Object.keys(ATTRIBUTE_TYPES).join(', ')
  throw new HalError('HAL_INVALID_ARGUMENT', `attribute "${name}" has none of the members ${members}`)
}
