import { tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { describe, expect, test } from 'vitest'
import { ort_library, reference } from './reference.js'
import { engineOn } from './support.js'

const library = reference()
const INPUT_BYTES = 4096
const OUTPUT_BYTES = 4

const model = encodeModel({
  opset: 17,
  graph: {
    name: 'maximum',
    inputs: [{ name: 'x', dataType: 'float32', shape: ['n'] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: [1] }],
    nodes: [{ op: 'ReduceMax', inputs: ['x'], outputs: ['y'] }],
  },
})

describe.skipIf(library === undefined)('inputs of a runtime that', () => {
  test.each([
    ['takes the extension are not copied', true, OUTPUT_BYTES],
    ['is not offered it are copied once', false, INPUT_BYTES + OUTPUT_BYTES],
  ])('%s', async (_, extension, bytes) => {
    await using on = await engineOn(
      { library: library as string, args: { ort_library }, extension },
      {},
      model,
    )
    const x = tensor('float32', [INPUT_BYTES / 4])
    for (let i = 1; i <= 100; i++) {
      x.data[i] = i
      expect(await on.engine.run({ x })).toEqual({ y: tensor('float32', [1], [i]) })
    }
    expect(on.engine.stats().bytesCopied).toBe(100 * bytes)
  })
})
