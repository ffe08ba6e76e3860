import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NpuConfig, npu } from '@xpu-hal/backend-npu'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anything, fuzz, nastyName, nastyNames, refusal } from '../../../test/fuzz.ts'
import { checkTensors, modelTensors } from '../src/tensor-info.ts'
import { file, folder } from './support.ts'

const good = { inputs: [{ name: 'x', dataType: 'float32', shape: [-1, 2] }], outputs: [] }
const entry = fc.record({
  name: fc.oneof(nastyName, anything),
  dataType: fc.oneof(fc.constant('float32'), anything),
  shape: fc.oneof(fc.array(fc.oneof(fc.integer(), fc.double()), { maxLength: 10 }), anything),
})
const tensors = fc.oneof(
  fc.record({ inputs: fc.array(entry, { maxLength: 3 }), outputs: fc.array(entry, { maxLength: 3 }) }),
  nastyName.map((name) => ({ ...good, ...Object.fromEntries([[name, []]]) })),
  anything,
)

test('tensors of the setting are taken or refused', async () => {
  await fuzz(2000, tensors, async (given) => {
    await refusal(() => checkTensors(given, 'npu: tensors'), 'npu: tensors')
  })
}, 120_000)

const text = fc.oneof(
  fc.json(),
  fc.string(),
  tensors.map((value) => {
    try {
      return JSON.stringify(value) ?? ''
    } catch {
      return '{"inputs":[],"outputs":[],"__proto__":{"polluted":1}}'
    }
  }),
  fc.nat(60).map((length) => JSON.stringify(good).slice(0, length)),
)

test('a description beside the model is taken or refused by its path', async () => {
  const path = file('model $(x).acme', 'no ONNX')
  await fuzz(1000, text, async (content) => {
    writeFileSync(`${path}.json`, content)
    await refusal(() => modelTensors(path, undefined), `${path}.json`)
  })
  writeFileSync(`${path}.json`, JSON.stringify(good))
  expect(modelTensors(path, undefined)).toEqual(good)
}, 120_000)

test('a description that is a folder, a pipe or endless is refused by its path', async () => {
  const path = file('model.acme', 'no ONNX')
  for (const make of [
    () => mkdirSync(`${path}.json`),
    () => execFileSync('mkfifo', [`${path}.json`]),
    () => writeFileSync(`${path}.json`, Buffer.alloc(2 ** 21, ' ')),
  ]) {
    execFileSync('rm', ['-rf', `${path}.json`])
    make()
    const error = await refusal(() => modelTensors(path, undefined), `${path}.json`)
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
  }
})

test('settings are taken or refused', async () => {
  const setting = fc.constantFrom('name', 'args', 'instances', 'startTimeout', 'answerTimeout', 'quirks')
  await fuzz(1000, fc.tuple(setting, anything), async ([name, value]) => {
    await refusal(
      () => npu({ library: join(folder, 'no.so'), [name]: value } as unknown as NpuConfig),
      name === 'quirks' ? 'quirk' : name,
    )
  })
  await fuzz(500, fc.tuple(nastyName, anything), async ([key, value]) => {
    const args = Object.fromEntries([[key, value]]) as NpuConfig['args']
    await refusal(() => npu({ library: join(folder, 'no.so'), args } as NpuConfig), key)
  })
  for (const library of nastyNames) await refusal(() => npu({ library }), 'npu: ')
}, 120_000)
