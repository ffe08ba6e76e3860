import { existsSync, readFileSync } from 'node:fs'
import { HalError, type Tensor, tensor } from '@xpu-hal/core'
import { decodeModel, encodeModel, type OnnxModel } from '@xpu-hal/onnx'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'

const scaled: OnnxModel = {
  graph: {
    name: 'scaled',
    inputs: [{ name: 'x', dataType: 'float32', shape: ['batch', 3] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: ['batch', 3] }],
    initializers: { factor: tensor('float32', [3], [1, 2, 0.5]) },
    nodes: [{ op: 'Mul', inputs: ['x', 'factor'], outputs: ['y'], name: 'scale' }],
  },
  opset: 13,
  irVersion: 7,
  producer: 'a test',
  metadata: { author: 'Ada', note: '' },
}

const everything: OnnxModel = {
  graph: {
    name: 'everything',
    inputs: [
      { name: 'scalar', dataType: 'bool', shape: [] },
      { name: 'free', dataType: 'string', shape: [0, '', 'n'] },
      { name: 'unranked', dataType: 'uint64' },
    ],
    outputs: [{ name: 'out', dataType: 'float16', shape: [1] }],
    initializers: {
      float32: tensor('float32', [2], [1.5, Number.NaN]),
      float64: tensor('float64', [1], [Math.PI]),
      float16: tensor('float16', [2], new Uint16Array([0x3c00, 0xfc00])),
      int8: tensor('int8', [2], [-128, 127]),
      int16: tensor('int16', [1], [-32768]),
      int32: tensor('int32', [], [-7]),
      int64: tensor('int64', [2], [-(2n ** 63n), 2n ** 63n - 1n]),
      uint8: tensor('uint8', [0]),
      uint16: tensor('uint16', [1], [65535]),
      uint32: tensor('uint32', [1], [2 ** 32 - 1]),
      uint64: tensor('uint64', [1], [2n ** 64n - 1n]),
      bool: tensor('bool', [2], [0, 1]),
      string: tensor('string', [2, 1], ['', 'smørrebrød 🥪']),
    },
    nodes: [
      {
        op: 'Whatever',
        domain: 'org.example',
        inputs: ['scalar', '', 'free'],
        outputs: ['out'],
        attributes: {
          int: { int: -3 },
          zero: { int: 0 },
          large: { int: 2n ** 62n },
          float: { float: 0.5 },
          string: { string: 'zwölf' },
          ints: { ints: [-1, 0, 2 ** 40] },
          none: { ints: [] },
          floats: { floats: [0.25, -2] },
          strings: { strings: ['a', ''] },
          tensor: { tensor: tensor('float32', [1], [3]) },
          graph: { graph: { name: 'inner', inputs: [], outputs: [], nodes: [] } },
        },
      },
    ],
  },
  opset: 17,
  domains: { 'org.example': 4 },
  irVersion: 8,
}

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    return HalError.isInstance(error) ? error.code : String(error)
  }
  return undefined
}

describe('encodeModel and decodeModel', () => {
  test.each([
    ['a small model', scaled],
    ['every data type and attribute', everything],
  ])('give back %s', (_, model) => {
    expect(decodeModel(encodeModel(model))).toEqual(model)
  })

  test('the same model gives the same bytes', () => {
    expect(encodeModel(everything)).toEqual(encodeModel(decodeModel(encodeModel(everything))))
  })

  test('decoded tensors do not share memory with the bytes, and lie where workers reach them', () => {
    const bytes = encodeModel(scaled)
    const factor = decodeModel(bytes).graph.initializers?.factor as Tensor<'float32'>
    bytes.fill(0)
    expect([...factor.data]).toEqual([1, 2, 0.5])
    expect(factor.data.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  test('bytes may be part of a larger buffer, also a shared one', () => {
    const bytes = encodeModel(scaled)
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 5), 3, bytes.length)
    shared.set(bytes)
    expect(decodeModel(shared)).toEqual(scaled)
  })

  test('operator sets that nodes use are imported, also from within subgraphs', () => {
    const { domains: _, ...model } = everything
    expect(decodeModel(encodeModel(model)).domains).toEqual({ 'org.example': 1 })
    const nodes = [
      { op: 'If', inputs: ['c'], outputs: [], attributes: { then_branch: { graph: model.graph } } },
    ]
    const outer = { opset: 17, graph: { name: 'outer', inputs: [], outputs: [], nodes } }
    expect(decodeModel(encodeModel(outer)).domains).toEqual({ 'org.example': 1 })
  })

  test('large weights survive', () => {
    const data = new Float32Array(6_000_000).map((_, i) => i)
    const big = { dataType: 'float32', shape: [data.length], data } as const
    const model = { ...scaled, graph: { ...scaled.graph, initializers: { big } } }
    const decoded = decodeModel(encodeModel(model)).graph.initializers?.big?.data as Float32Array
    expect(Buffer.compare(Buffer.from(decoded.buffer), Buffer.from(data.buffer))).toBe(0)
  })

  test('data that does not fit its shape is refused by name', () => {
    const wrong = { dataType: 'float32', shape: [4], data: new Float32Array(3) } as const
    const model = { ...scaled, graph: { ...scaled.graph, initializers: { wrong } } }
    expect(() => encodeModel(model)).toThrow('"wrong" of shape [4] has 3 elements instead of 4')
  })
})

describe('decodeModel', () => {
  test('refuses every cut of a model', () => {
    const bytes = encodeModel(scaled)
    // The metadata at the end is optional: without it the model is whole.
    const end = encodeModel({ ...scaled, metadata: {} }).length
    for (let length = 0; length < end; length++) {
      expect(codeOf(() => decodeModel(bytes.subarray(0, length)))).toBe('HAL_INVALID_ARGUMENT')
    }
  })

  test('refuses what is not ONNX, and says so', () => {
    expect(() => decodeModel(Buffer.from('{"format": "json"}'))).toThrow('not an ONNX model')
    expect(() => decodeModel(Buffer.from('\x89PNG\r\n'))).toThrow('not an ONNX model')
    expect(() => decodeModel(new Uint8Array(0))).toThrow('it is empty')
    expect(codeOf(() => decodeModel(new Uint8Array(100)))).toBe('HAL_INVALID_ARGUMENT')
  })

  // Bytes written by hand: field numbers and wire types as onnx.proto and the protobuf encoding have them.
  const field = (id: number, payload: readonly number[]) => [(id << 3) | 2, payload.length, ...payload]
  const text = (value: string) => [...Buffer.from(value)]
  const modelWith = (tensorProto: readonly number[]) => {
    const initializer = field(5, [...tensorProto, ...field(8, text('w'))])
    return Uint8Array.from([0x08, 8, ...field(7, initializer), ...field(8, [0x10, 13])])
  }
  const weight = (bytes: Uint8Array) => decodeModel(bytes).graph.initializers?.w

  test.each<[string, number[], unknown]>([
    ['float_data', [0x08, 2, 0x10, 1, ...field(4, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])], [1, -2]],
    ['double_data', [0x08, 1, 0x10, 11, ...field(10, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f])], [1]],
    ['int32_data of int8', [0x08, 1, 0x10, 3, 0x2a, 10, ...Array(9).fill(0xff), 1], [-1]],
    ['int32_data of bool', [0x08, 2, 0x10, 9, ...field(5, [0, 1])], [0, 1]],
    ['int32_data of float16', [0x08, 1, 0x10, 10, ...field(5, [0x80, 0x78])], [0x3c00]],
    ['int64_data', [0x08, 1, 0x10, 7, ...field(7, [...Array(9).fill(0xff), 1])], [-1n]],
    ['uint64_data', [0x08, 1, 0x10, 13, ...field(11, [...Array(9).fill(0xff), 1])], [2n ** 64n - 1n]],
    ['unpacked int32_data', [0x08, 2, 0x10, 6, 0x28, 5, 0x28, 6], [5, 6]],
    ['string_data', [0x08, 1, 0x10, 8, ...field(6, text('hi'))], ['hi']],
  ])('reads %s', (_, bytes, expected) => {
    expect(Array.from(weight(modelWith(bytes))?.data as ArrayLike<unknown>)).toEqual(expected)
  })

  test('tells a weight whose bytes do not fit', () => {
    const bytes = modelWith([0x08, 2, 0x10, 1, ...field(9, [0, 0, 0, 0])])
    expect(() => decodeModel(bytes)).toThrow('initializer "w" is float32 [2], but has 4 bytes')
  })

  test('tells what it does not support', () => {
    expect(codeOf(() => decodeModel(modelWith([0x08, 1, 0x10, 16])))).toBe('HAL_UNIMPLEMENTED') // bfloat16
    expect(codeOf(() => decodeModel(modelWith([0x10, 1, 0x70, 1])))).toBe('HAL_UNIMPLEMENTED') // External data.
  })
})

describe('ONNX Runtime', () => {
  test('loads and runs an encoded model', async () => {
    const session = await InferenceSession.create(encodeModel(scaled))
    const { y } = await session.run({ x: new OrtTensor('float32', [1, 2, 3, 4, 5, 6], [2, 3]) })
    expect(Array.from(y?.data as ArrayLike<unknown>)).toEqual([1, 4, 1.5, 4, 10, 3])
    await session.release()
  })

  const examples = new URL('../../../../shared/data/oaax-examples/', import.meta.url)
  for (const name of ['face-locator', 'gauge-reader']) {
    const file = new URL(`${name}.onnx`, examples)
    test(`loads ${name}.onnx, decoded and encoded again`, async ({ skip }) => {
      if (!existsSync(file)) {
        console.log(`skipped: ${name}.onnx of the OAAX examples is not on this machine`)
        skip(`${name}.onnx is not on this machine`)
      }
      const model = decodeModel(readFileSync(file))
      expect(decodeModel(encodeModel(model))).toEqual(model)
      const session = await InferenceSession.create(encodeModel(model))
      expect(session.inputNames).toEqual(model.graph.inputs.map((value) => value.name))
      expect(session.outputNames).toEqual(model.graph.outputs.map((value) => value.name))
      await session.release()
    })
  }
})
