/**
 * The messages of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) that this package reads and
 * writes. Other fields are skipped when reading.
 */
import protobuf from 'protobufjs/light.js'

/** An int64 as protobufjs reads it; it writes plain numbers as well. */
export type Int64 = number | { readonly low: number; readonly high: number }

export interface DimensionProto {
  dimValue?: Int64
  dimParam?: string
}

export interface ValueInfoProto {
  name?: string
  type?: { tensorType?: { elemType?: number; shape?: { dim?: DimensionProto[] } } }
}

export interface TensorProto {
  dims?: Int64[]
  dataType?: number
  name?: string
  rawData?: Uint8Array
  floatData?: number[]
  int32Data?: number[]
  stringData?: Uint8Array[]
  int64Data?: Int64[]
  doubleData?: number[]
  uint64Data?: Int64[]
  dataLocation?: number
}

export interface AttributeProto {
  name?: string
  type?: number
  f?: number
  i?: Int64
  s?: Uint8Array
  t?: TensorProto
  g?: GraphProto
  floats?: number[]
  ints?: Int64[]
  strings?: Uint8Array[]
}

export interface NodeProto {
  input?: string[]
  output?: string[]
  name?: string
  opType?: string
  attribute?: AttributeProto[]
  domain?: string
}

export interface GraphProto {
  node?: NodeProto[]
  name?: string
  initializer?: TensorProto[]
  input?: ValueInfoProto[]
  output?: ValueInfoProto[]
  sparseInitializer?: Uint8Array[]
}

export interface ModelProto {
  irVersion?: Int64
  producerName?: string
  graph?: GraphProto
  opsetImport?: { domain?: string; version?: Int64 }[]
  metadataProps?: { key?: string; value?: string }[]
  functions?: Uint8Array[]
}

/** Numbers of AttributeProto.AttributeType, by the member of OnnxAttribute. */
export const ATTRIBUTE_TYPES = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const

type Fields = Record<string, { id: number; type: string; rule?: 'repeated'; options?: { packed: true } }>

const one = (id: number, type: string) => ({ id, type })
const many = (id: number, type: string) => ({ id, type, rule: 'repeated' as const })
const packed = (id: number, type: string) => ({ ...many(id, type), options: { packed: true as const } })

const messages: Record<string, Fields> = {
  ModelProto: {
    irVersion: one(1, 'int64'),
    producerName: one(2, 'string'),
    graph: one(7, 'GraphProto'),
    opsetImport: many(8, 'OperatorSetIdProto'),
    metadataProps: many(14, 'StringStringEntryProto'),
    functions: many(25, 'bytes'),
  },
  OperatorSetIdProto: { domain: one(1, 'string'), version: one(2, 'int64') },
  StringStringEntryProto: { key: one(1, 'string'), value: one(2, 'string') },
  GraphProto: {
    node: many(1, 'NodeProto'),
    name: one(2, 'string'),
    initializer: many(5, 'TensorProto'),
    input: many(11, 'ValueInfoProto'),
    output: many(12, 'ValueInfoProto'),
    sparseInitializer: many(15, 'bytes'),
  },
  NodeProto: {
    input: many(1, 'string'),
    output: many(2, 'string'),
    name: one(3, 'string'),
    opType: one(4, 'string'),
    attribute: many(5, 'AttributeProto'),
    domain: one(7, 'string'),
  },
  AttributeProto: {
    name: one(1, 'string'),
    f: one(2, 'float'),
    i: one(3, 'int64'),
    s: one(4, 'bytes'),
    t: one(5, 'TensorProto'),
    g: one(6, 'GraphProto'),
    floats: many(7, 'float'),
    ints: many(8, 'int64'),
    strings: many(9, 'bytes'),
    type: one(20, 'int32'),
  },
  TensorProto: {
    dims: many(1, 'int64'),
    dataType: one(2, 'int32'),
    floatData: packed(4, 'float'),
    int32Data: packed(5, 'int32'),
    stringData: many(6, 'bytes'),
    int64Data: packed(7, 'int64'),
    name: one(8, 'string'),
    rawData: one(9, 'bytes'),
    doubleData: packed(10, 'double'),
    uint64Data: packed(11, 'uint64'),
    dataLocation: one(14, 'int32'),
  },
  ValueInfoProto: { name: one(1, 'string'), type: one(2, 'TypeProto') },
  TypeProto: { tensorType: one(1, 'TypeTensor') },
  TypeTensor: { elemType: one(1, 'int32'), shape: one(2, 'TensorShapeProto') },
  TensorShapeProto: { dim: many(1, 'Dimension') },
  Dimension: { dimValue: one(1, 'int64'), dimParam: one(2, 'string') },
}

// In edition proto2, that of onnx.proto, a zero that was set differs from a field that is absent.
const types = Object.entries(messages).map(([name, fields]) => [name, { edition: 'proto2', fields }])
const modelType = protobuf.Root.fromJSON({ nested: Object.fromEntries(types) }).lookupType('ModelProto')

export function writeProto(model: ModelProto): Uint8Array {
  return modelType.encode(model).finish()
}

/** Parts that a file of any size may have, and bytes that it must have for each further one. */
const FREE_PARTS = 2 ** 17
const BYTES_PER_PART = 8

/** Reads without copying: byte fields are views on `bytes`. Throws what protobufjs throws. */
export function readProto(bytes: Uint8Array): ModelProto {
  const reader = protobuf.Reader.create(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  reader.discardUnknown = true
  limitParts(reader, FREE_PARTS + bytes.length / BYTES_PER_PART)
  return modelType.decode(reader) as ModelProto
}

/** A part of two bytes becomes an object of hundreds: a small file could take all memory. Every field is counted. */
function limitParts(reader: protobuf.Reader, limit: number): void {
  const read = reader.tag
  let count = 0
  reader.tag = () => {
    if (++count > limit) throw new Error('it has more parts than a model of its size')
    return read.call(reader)
  }
}

export function toInt64(value: number | bigint): Int64 {
  if (typeof value === 'number') return value
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) }
}

export function toBigInt(value: Int64): bigint {
  if (typeof value === 'number') return BigInt(value)
  return (BigInt(value.high) << 32n) | BigInt(value.low >>> 0)
}

/** A number where it is exact, else a bigint. */
export function toNumberOrBigInt(value: Int64): number | bigint {
  const big = toBigInt(value)
  const number = Number(big)
  return Number.isSafeInteger(number) ? number : big
}
