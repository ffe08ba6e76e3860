import { describe, expect, it } from 'vitest'
import type { RunAnswer, TensorInfo } from '../src/backend.ts'
import { type Outputs, type Tensor, tensor } from '../src/index.ts'
import { failure, type ManualDeviceSpec, numbers, openManual, tagged } from './fixtures/manual-backend.ts'

const Y: TensorInfo = { name: 'y', dataType: 'float32', shape: [4] }

/** Runs once and lets the driver give this answer. */
async function run(spec: ManualDeviceSpec, answer: Partial<RunAnswer>, outputs?: Record<string, Tensor>) {
  const { engine, driver } = await openManual(spec)
  const result = engine.run(tagged(7), outputs && { outputs })
  driver.answer(undefined, { answer })
  return { engine, driver, result }
}

describe("the runtime's answer", () => {
  it('comes by name, with the data of the run', async () => {
    const { result, engine } = await run({}, {})
    const outputs = await result
    expect(Object.keys(outputs)).toEqual(['y'])
    expect(numbers(outputs.y)).toEqual([7, 7, 7, 7])
    expect(engine.load).toBe(0)
  })

  it.each([
    ['another shape', [tensor('float32', [2, 2])]],
    ['another data type', [tensor('int32', [4])]],
    ['too few outputs', []],
    ['too many outputs', [tensor('float32', [4]), tensor('float32', [4])]],
    ['data that are too short', [{ dataType: 'float32', shape: [4], data: new Float32Array(3) }]],
    ['no tensor', [undefined]],
  ] as [string, Tensor[]][])('of %s is thrown away with HAL_DATA_LOSS', async (_, outputs) => {
    const { result, engine } = await run({}, { outputs })
    const error = await failure(result)
    expect(error).toMatchObject({ code: 'HAL_DATA_LOSS', engine: engine.id, device: 'manual:0' })
    expect(engine.load).toBe(0)
    expect(engine.stats()).toMatchObject({ succeeded: 0, failed: 1 })
  })

  it('may have another shape where the model only hints', async () => {
    const came = tensor('float32', [2, 3], [1, 2, 3, 4, 5, 6])
    const { result } = await run({ outputShapes: 'hint' }, { outputs: [came] })
    expect(await result).toEqual({ y: came })
    const wrongType = await run({ outputShapes: 'hint' }, { outputs: [tensor('int32', [4])] })
    expect((await failure(wrongType.result)).code).toBe('HAL_DATA_LOSS')
  })

  it.each(['__proto__', 'constructor'])('may hold an output called %s', async (name) => {
    const { result } = await run({ outputs: [{ ...Y, name }] }, {})
    const outputs: Outputs = await result
    expect(Object.keys(outputs)).toEqual([name])
    expect(numbers(Object.getOwnPropertyDescriptor(outputs, name)?.value)).toEqual([7, 7, 7, 7])
    expect(Object.getPrototypeOf(outputs)).toBe(Object.prototype)
  })

  it('is a tensor whose shape is not that of the model itself', async () => {
    const { result, engine } = await run({}, {})
    const { y } = await result
    const shape = y?.shape as number[]
    shape.push(99)
    expect(engine.outputs[0]?.shape).toEqual([4])
  })

  it('brings its own names where the runtime does not tell its outputs', async () => {
    const answer = { outputs: [tensor('float32', [1], [5])], outputNames: ['score'] }
    const { result } = await run({ outputs: [] }, answer)
    expect(numbers((await result).score)).toEqual([5])
    const nameless = await run({ outputs: [] }, { outputs: answer.outputs })
    expect((await failure(nameless.result)).code).toBe('HAL_DATA_LOSS')
  })

  it.each([
    ['no times', { startedAt: undefined, endedAt: undefined }],
    ['times that are NaN', { startedAt: Number.NaN, endedAt: Number.NaN }],
  ])('with %s does not poison the statistics', async (_, times) => {
    const { result, engine, driver } = await run({}, times as unknown as Partial<RunAnswer>)
    await result.catch(() => {})
    const next = engine.run(tagged(8))
    driver.answer(undefined, { ms: 5 })
    await next
    expect(engine.stats().run.mean).not.toBeNaN()
    expect(engine.stats().latency.max).not.toBeNaN()
  })

  it('that is none at all fails the run', async () => {
    const { engine, driver } = await openManual()
    const result = engine.run(tagged(1))
    const [given] = driver.given
    given?.done(undefined as unknown as RunAnswer)
    expect((await failure(result)).code).toBe('HAL_DATA_LOSS')
    expect(engine.load).toBe(0)
  })
})

describe("the caller's output tensors", () => {
  it('are written by the runtime itself when they are shared, and returned', async () => {
    const y = tensor('float32', [4])
    const { result, engine, driver } = await run({}, {}, { y })
    expect((await result).y).toBe(y)
    expect(numbers(y)).toEqual([7, 7, 7, 7])
    expect(driver.given[0]?.outputs[0]?.data).toBe(y.data)
    expect(engine.stats().bytesCopied).toBe(0)
  })

  it('are copied to, and counted, when the runtime cannot write there', async () => {
    const y: Tensor = { dataType: 'float32', shape: [4], data: new Float32Array(4) }
    const { result, engine } = await run({}, {}, { y })
    expect((await result).y).toBe(y)
    expect(numbers(y)).toEqual([7, 7, 7, 7])
    expect(engine.stats().bytesCopied).toBe(16)
  })

  it('may be given for some outputs only', async () => {
    const z: TensorInfo = { name: 'z', dataType: 'float32', shape: [2] }
    const mine = tensor('float32', [2])
    const { result } = await run({ outputs: [Y, z] }, {}, { z: mine })
    const outputs = await result
    expect(outputs.z).toBe(mine)
    expect(numbers(outputs.y)).toEqual([7, 7, 7, 7])
  })

  it('of a dynamic output must have the shape that comes', async () => {
    const outputs = [{ ...Y, shape: [-1] }]
    const fits = await run(
      { outputs },
      { outputs: [tensor('float32', [2], [1, 2])] },
      { y: tensor('float32', [2]) },
    )
    expect(numbers((await fits.result).y)).toEqual([1, 2])
    const small = await run({ outputs }, { outputs: [tensor('float32', [3])] }, { y: tensor('float32', [2]) })
    expect(await failure(small.result)).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining("output 'y' is float32 [3], your tensor for it is float32 [2]"),
    })
  })

  it('hold as many strings as come', async () => {
    const outputs: TensorInfo[] = [{ name: 'y', dataType: 'string', shape: [-1] }]
    const words = Array.from({ length: 300_000 }, (_, i) => `w${i}`)
    const y = tensor('string', [words.length])
    const { result } = await run({ outputs }, { outputs: [tensor('string', [words.length], words)] }, { y })
    expect((await result).y).toBe(y)
    expect(y.data).toEqual(words)
  })

  it.each([
    ['unknown', { yy: tensor('float32', [4]) }, "no output 'yy'; did you mean 'y'?"],
    [
      'of another shape',
      { y: tensor('float32', [5]) },
      "output tensor 'y': expected float32 [4], got float32 [5]",
    ],
    ['of another type', { y: tensor('int32', [4]) }, 'got int32 [4]'],
  ])('are refused when %s', async (_, outputs, message) => {
    const { engine, driver } = await openManual()
    const error = await failure(engine.run(tagged(1), { outputs }))
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT', message: expect.stringContaining(message) })
    expect(driver.given).toHaveLength(0)
  })

  it('are never handed to another run', async () => {
    const { engine, driver } = await openManual()
    const y = tensor('float32', [4])
    const first = engine.run(tagged(1), { outputs: { y } })
    driver.answer()
    await first
    for (let tag = 2; tag < 20; tag++) {
      const next = engine.run(tagged(tag))
      driver.answer()
      expect((await next).y?.data).not.toBe(y.data)
    }
    expect(numbers(y)).toEqual([1, 1, 1, 1])
  })
})

describe('runSync', () => {
  const sync: ManualDeviceSpec = {
    sync: ({ inputs }) => ({
      outputs: [tensor('float32', [4], Array.from(inputs[0]?.data as Float32Array))],
      ...{ startedAt: 1, endedAt: 2, bytesCopied: 0 },
    }),
  }

  it('gives the outputs at once, counts the run, and calls the callback', async () => {
    const { engine } = await openManual(sync)
    const seen: unknown[] = []
    engine.registerCallback((outputs, userArg) => void seen.push(numbers(outputs.y)[0], userArg))
    expect(numbers(engine.runSync(tagged(5), { userArg: 'me' }).y)).toEqual([5, 5, 5, 5])
    expect(seen).toEqual([5, 'me'])
    expect(engine.stats()).toMatchObject({ accepted: 1, succeeded: 1, load: 0 })
  })

  it('throws what the runtime throws, and HAL_UNIMPLEMENTED where there is none', async () => {
    const { engine } = await openManual({
      sync: () => {
        throw new Error('native')
      },
    })
    expect(() => engine.runSync(tagged(1))).toThrow(
      expect.objectContaining({ code: 'HAL_INTERNAL', message: 'native' }),
    )
    const none = await openManual()
    expect(() => none.engine.runSync(tagged(1))).toThrow(
      expect.objectContaining({ code: 'HAL_UNIMPLEMENTED' }),
    )
  })
})
