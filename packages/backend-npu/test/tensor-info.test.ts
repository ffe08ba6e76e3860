import { npu } from '@xpu-hal/backend-npu'
import { expect, test } from 'vitest'
import { modelTensors } from '../src/tensor-info.js'
import { file } from './support.js'

const a = { name: 'a', dataType: 'uint8', shape: [2, -1] }

const wrong: readonly [string, unknown, string][] = [
  ['a list', [], 'it is no object with inputs, outputs'],
  ['no outputs', { inputs: [a] }, 'outputs is no list of tensors'],
  [
    'another member',
    { inputs: [], outputs: [], output: [] },
    "unknown member 'output'; did you mean 'outputs'?",
  ],
  ['a tensor without a name', { inputs: [{ ...a, name: '' }], outputs: [] }, 'inputs[0].name is no name'],
  ['a tensor that is none', { inputs: [], outputs: [a, null] }, 'outputs[1] is no object with name'],
  ['a name twice', { inputs: [a, a], outputs: [] }, "inputs has 'a' twice"],
  [
    'another type',
    { inputs: [{ ...a, dataType: 'float7' }], outputs: [] },
    'inputs[0].dataType is float7; it is one of float32',
  ],
  [
    'no shape',
    { inputs: [{ name: 'a', dataType: 'int8' }], outputs: [] },
    'shape of inputs[0]: expected an array',
  ],
  [
    'a wrong dimension',
    { inputs: [{ ...a, shape: [2, -2] }], outputs: [] },
    'shape of inputs[0]: dimension 1 is -2',
  ],
  [
    'a shape of another name',
    { inputs: [{ ...a, shapes: [] }], outputs: [] },
    "inputs[0] has an unknown member 'shapes'",
  ],
]

test.each(wrong)('tensors with %s are refused, in the setting and in a file', (_, tensors, message) => {
  const refusal = { code: 'HAL_INVALID_ARGUMENT', message: expect.stringContaining(message) }
  expect(() => npu({ library: 'x.so', tensors: tensors as never })).toThrow(expect.objectContaining(refusal))
  const path = file('wrong.acme', 'not ONNX')
  file('wrong.acme.json', JSON.stringify(tensors))
  expect(() => modelTensors(path, undefined)).toThrow(expect.objectContaining(refusal))
  expect(() => modelTensors(path, undefined)).toThrow(/wrong\.acme\.json: /)
})

test('a file that is no JSON is named', () => {
  const path = file('text.acme', 'not ONNX')
  file('text.acme.json', '{')
  expect(() => modelTensors(path, undefined)).toThrow(/text\.acme\.json: .*JSON/)
})

test('the file counts before the setting', () => {
  const path = file('both.acme', 'not ONNX')
  const given = { inputs: [], outputs: [] }
  expect(modelTensors(path, given)).toBe(given)
  file('both.acme.json', JSON.stringify({ inputs: [a], outputs: [] }))
  expect(modelTensors(path, given)).toEqual({ inputs: [a], outputs: [] })
})
