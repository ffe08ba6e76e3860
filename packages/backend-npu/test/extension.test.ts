import { type Engine, tensor } from '@xpu-hal/core'
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

async function idle(engine: Engine): Promise<void> {
  while (engine.load > 0) await new Promise(setImmediate)
}

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

  test.each([
    ['takes the extension: callbacks cost no copy', true, 0],
    ['is not offered it: callbacks cost one of the input', false, INPUT_BYTES],
  ])('%s', async (_, extension, bytes) => {
    await using on = await engineOn(
      { library: library as string, args: { ort_library }, extension },
      {},
      model,
    )
    const seen = new Map<unknown, unknown>()
    on.engine.registerCallback(({ y }, userArg) => {
      seen.set(userArg, y)
    })
    const x = Array.from({ length: 8 }, () => tensor('float32', [INPUT_BYTES / 4]))
    for (let i = 0; i < 800; i++) {
      const input = x[i % 8] as (typeof x)[number]
      input.data[0] = i
      await on.engine.runAsync({ x: input }, i)
      if (i % 8 === 7) await idle(on.engine)
    }
    expect(seen).toEqual(new Map(Array.from({ length: 800 }, (_, i) => [i, tensor('float32', [1], [i])])))
    expect(on.engine.stats().bytesCopied).toBe(800 * bytes)
  })

  test('what a callback keeps of lent outputs stays as it was', async () => {
    await using on = await engineOn({ library: library as string, args: { ort_library } }, {}, model)
    let kept: unknown
    on.engine.registerCallback(({ y }) => {
      kept = y
    })
    await on.engine.runAsync({ x: tensor('float32', [2], [3, 4]) })
    await idle(on.engine)
    const first = kept
    for (let i = 0; i < 100; i++) {
      await on.engine.runAsync({ x: tensor('float32', [2], [i, i]) })
      await idle(on.engine)
    }
    expect(first).toEqual(tensor('float32', [1], [4]))
  })
})
