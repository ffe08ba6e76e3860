import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encodeModel } from '@xpu-hal/onnx'
import { expect, test } from 'vitest'
import { NpuRunner } from '../src/native/npu-runner.js'
import { ort_library, reference } from './reference.js'
import { file } from './support.js'

const library = reference()
const SIZE = 512
const PRODUCTS = 50

const float = (name: string) => ({ name, dataType: 'float32', shape: [SIZE, SIZE] }) as const
const name = (i: number) => (i === 0 ? 'x' : i === PRODUCTS ? 'y' : `x${i}`)
const slow = encodeModel({
  opset: 17,
  graph: {
    name: 'power',
    inputs: [float('x')],
    outputs: [float('y')],
    nodes: Array.from({ length: PRODUCTS }, (_, i) => ({
      op: 'MatMul',
      inputs: [name(i), 'x'],
      outputs: [name(i + 1)],
    })),
  },
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Loses an instance with an input in its hands, and closes it. */
function lose(path: string): WeakRef<object> {
  const settings = { args: { ort_library, receive_timeout_ms: '1' }, answerTimeout: 1, quirks: {} }
  const runner = new NpuRunner(
    { library: path, ...settings, extension: true, alone: false },
    file('slow.onnx', slow),
    [],
  )
  const data = new Float32Array(new SharedArrayBuffer(SIZE * SIZE * 4))
  const inputs = [{ dataType: 'float32', shape: [SIZE, SIZE], data }] as const
  runner.send({ job: 1, inputs, inputNames: ['x'], outputs: [undefined] })
  expect(() => runner.receive()).toThrow('no answer within 1 ms')
  runner.close()
  return new WeakRef(data)
}

test.skipIf(library === undefined)(
  'the inputs of a lost instance are let go once its destruction has succeeded',
  async () => {
    const input = lose(library as string)
    // A WeakRef holds until the end of the turn that made it.
    await new Promise(setImmediate)
    collect()
    expect(input.deref()).toBeUndefined()
  },
)
