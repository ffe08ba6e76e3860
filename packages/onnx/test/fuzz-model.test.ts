import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tensor } from '@xpu-hal/core'
import { decodeModel, encodeModel, readSignature } from '@xpu-hal/onnx'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { fuzz, refusal } from '../../../test/fuzz.ts'

const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-fuzz-'))
afterAll(() => rmSync(folder, { recursive: true }))

const value = (name: string) => ({ name, dataType: 'float32', shape: ['n', 2] }) as const
const model = encodeModel({
  opset: 17,
  graph: {
    name: 'sum',
    inputs: [value('x'), value('__proto__')],
    outputs: [value('z')],
    initializers: { w: tensor('float32', [2], [1, 2]), s: tensor('string', [1], ['a']) },
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['z'], attributes: { axis: { ints: [1, 2] } } }],
  },
})

const place = fc.nat(model.length - 1)
const damaged = fc.oneof(
  place.map((length) => model.subarray(0, length)),
  fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 5 }).map((flips) => {
    const bytes = Uint8Array.from(model)
    for (const [at, byte] of flips) bytes[at] = byte
    return bytes
  }),
  // A length of up to 2^70 in the middle of it.
  place.map((at) => Buffer.concat([model.subarray(0, at), Buffer.alloc(9, 0xff), model.subarray(at)])),
  fc.tuple(place, place).map(([a, b]) => Buffer.concat([model.subarray(0, a), model.subarray(b)])),
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom('\x7fELF', 'PK\x03\x04', '{"a":1}', '\x89PNG\r\n').map((text) => Buffer.from(text)),
)

test('a damaged model is read or refused', async () => {
  await fuzz(3000, damaged, async (bytes) => {
    await refusal(() => decodeModel(bytes), '')
  })
  expect(decodeModel(model).graph.nodes).toHaveLength(1)
}, 120_000)

test('the signature of a damaged file is read or refused by its path', async () => {
  const path = join(folder, 'damaged $(x) "\'.onnx')
  await fuzz(2000, damaged, async (bytes) => {
    writeFileSync(path, bytes)
    await refusal(() => readSignature(path), path)
  })
  writeFileSync(path, model)
  expect(readSignature(path).inputs.map(({ name }) => name)).toEqual(['x', '__proto__'])
}, 120_000)
