import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HalError, tensor } from '@xpu-hal/core'
import { decodeModel, encodeModel, readSignature } from '@xpu-hal/onnx'
import { afterAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-onnx-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(content: Uint8Array | string): string {
  const path = join(folder, 'model.onnx')
  writeFileSync(path, content)
  return path
}

const value = (name: string, shape: (number | string)[]) => ({ name, dataType: 'float32', shape }) as const

const model = encodeModel({
  opset: 17,
  graph: {
    name: 'sum',
    inputs: [value('x', ['n', 2]), value('y', [300, 2])],
    outputs: [value('z', ['n', 2])],
    initializers: { w: tensor('float32', [5000], new Array(5000).fill(7)) },
    nodes: [{ op: 'Add', inputs: ['x', 'y'], outputs: ['z'] }],
  },
})

/** A field with content, as protobuf has it; `size` where there is more content than is given. */
function field(number: number, content: Buffer, size = content.length): Buffer {
  const length: number[] = []
  for (let rest = size; ; rest = Math.floor(rest / 128)) {
    length.push(rest >= 128 ? (rest % 128) + 128 : rest)
    if (rest < 128) return Buffer.concat([Buffer.of(number * 8 + 2, ...length), content])
  }
}

test('what a model takes and gives is what decoding all of it says', () => {
  const { inputs, outputs } = decodeModel(model).graph
  expect(readSignature(file(model))).toEqual({ inputs, outputs })
})

test('weights are stepped over, however large, and are no inputs', () => {
  const size = 5 * 2 ** 30
  const info = (name: string) => {
    const dimension = field(1, Buffer.of(1 << 3, 4))
    const type = field(1, Buffer.concat([Buffer.of(1 << 3, 1), field(2, dimension)]))
    return Buffer.concat([field(1, Buffer.from(name)), field(2, type)])
  }
  const values = [field(11, info('x')), field(11, info('weights')), field(12, info('y'))]
  const name = field(8, Buffer.from('weights'))
  const data = field(9, Buffer.alloc(0), size)
  const weights = field(5, Buffer.concat([name, data]), name.length + data.length + size)
  const graph = Buffer.concat([...values, weights])
  const head = Buffer.concat([field(8, Buffer.of(2 << 3, 17)), field(7, graph, graph.length + size)])
  // The weights are a hole in the file: reading them would take minutes, and more memory than a buffer can have.
  const path = file('')
  const descriptor = openSync(path, 'w')
  writeSync(descriptor, head)
  ftruncateSync(descriptor, head.length + size)
  closeSync(descriptor)
  expect(readSignature(path)).toEqual({ inputs: [value('x', [4])], outputs: [value('y', [4])] })
})

test('a file that is cut off anywhere is no model, or one with the same signature', () => {
  const whole = readSignature(file(model))
  for (let length = 0; length < model.length; length += length < 400 ? 1 : 997) {
    expect(outcome(model.subarray(0, length))).toSatisfy((is) => is === 'refused' || same(is, whole))
  }
})

test('a file with a wrong byte is refused or read, and never takes the process with it', () => {
  for (let at = 0; at < 400; at++) {
    for (const wrong of [0, 127, 255]) {
      const damaged = Uint8Array.from(model)
      damaged[at] = wrong
      outcome(damaged)
    }
  }
})

test.each(['', 'not ONNX', '\u0000'.repeat(1000)])('%j is no model', (content) => {
  expect(outcome(Buffer.from(content))).toBe('refused')
})

test('a missing file is named', () => {
  expect(() => readSignature(join(folder, 'no.onnx'))).toThrow(/no\.onnx/)
})

function outcome(content: Uint8Array): unknown {
  try {
    return readSignature(file(content))
  } catch (error) {
    expect(error).toBeInstanceOf(HalError)
    return 'refused'
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
