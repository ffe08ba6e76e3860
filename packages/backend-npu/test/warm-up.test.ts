import { npu } from '@xpu-hal/backend-npu'
import { createHal, tensor } from '@xpu-hal/core'
import { describe, expect, test } from 'vitest'
import { engineOn, file, runtime } from './support.js'

const library = runtime()
const x = (...values: number[]) => ({ x: tensor('float32', [values.length / 2, 2], values) })

describe.skipIf(library === undefined)('warm-up', () => {
  const config = (refused: number) => ({
    library: library as string,
    instances: 2,
    args: { fault: 'refuse', fault_at: { int: refused } },
  })

  test.each(['thread', 'process'] as const)('every instance executes it, isolation %s', async (isolation) => {
    // Each instance refuses its third run: the first one of the application.
    await using on = await engineOn(config(3), { isolation, warmUp: 2 })
    expect(on.engine.options.workers).toBe(2)
    const runs = await Promise.allSettled([on.engine.run(x(1, 2)), on.engine.run(x(3, 4))])
    expect(runs.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await on.engine.run(x(5, 6))).toEqual({ x_out: tensor('float32', [1, 2], [5, 6]) })
  })

  test('a run that is refused fails the opening, with the error of the runtime', async () => {
    await expect(engineOn(config(2), { warmUp: 2 })).rejects.toMatchObject({
      code: 'HAL_INTERNAL',
      message: expect.stringContaining('the warm-up failed (run 2 of 2, with zeros, on npu:0 NPU_'),
      native: expect.anything(),
    })
  })

  test('a model that nobody knows needs inputs to be warmed up with', async () => {
    const unknown = file('warm.acme', 'not ONNX')
    const opening = engineOn({ library: library as string }, { warmUp: 1 }, unknown)
    await expect(opening).rejects.toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining('warmUpInputs'),
    })
    await using hal = createHal({ backends: [npu({ library: library as string })] })
    const a = tensor('uint8', [2])
    const engine = await hal.openEngine(unknown, { warmUp: 1 }, { warmUpInputs: { a } })
    // What the warm-up has taken teaches the engine nothing.
    expect(engine.inputs).toEqual([])
    expect(await engine.run({ b: a })).toEqual({ b_out: a })
  })
})
