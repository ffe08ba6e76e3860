import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tensor } from '@xpu-hal/core'
import { decodeModel, encodeModel, readSignature } from '@xpu-hal/onnx'
import { afterAll, expect, test } from 'vitest'
import { damaged } from '../../../test/damage.ts'
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

test('a damaged model is read or refused', async () => {
  await fuzz(3000, damaged(model), async (bytes) => {
    await refusal(() => decodeModel(bytes), '')
  })
  expect(decodeModel(model).graph.nodes).toHaveLength(1)
}, 120_000)

test('the signature of a damaged file is read or refused by its path', async () => {
  const path = join(folder, 'damaged $(x) "\'.onnx')
  await fuzz(2000, damaged(model), async (bytes) => {
    writeFileSync(path, bytes)
    await refusal(() => readSignature(path), path)
  })
  writeFileSync(path, model)
  expect(readSignature(path).inputs.map(({ name }) => name)).toEqual(['x', '__proto__'])
}, 120_000)
