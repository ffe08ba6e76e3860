import { beforeEach, describe, expect, it } from 'vitest'
import type { Tensor } from '../src/backend.ts'
import { now } from '../src/clock.ts'
import { type Engine, type Inputs, tensor } from '../src/index.ts'
import { failure, type ManualEngine, openManual, thrown } from './fixtures/manual-backend.ts'

const a = tensor('float32', [1, 2], [1, 2])
const b = tensor('int64', [], [3n])
const y = tensor('float32', [2], [5, 6])
const z = tensor('uint8', [1, 1], [7])

const unknown = { inputs: [], outputs: [] }

describe('a model of which the runtime tells nothing', () => {
  let engine: Engine
  let driver: ManualEngine

  beforeEach(async () => {
    ;({ engine, driver } = await openManual(unknown))
  })

  /** Submits a run, which gets this answer. */
  function run(inputs: Inputs, outputs: Record<string, Tensor> = { y, z }, options = {}) {
    const settled = engine.run(inputs, options)
    const answer = { outputs: Object.values(outputs), outputNames: Object.keys(outputs) }
    driver.answer(driver.held[0], { answer })
    return settled
  }

  it('takes anything by name until a run has succeeded', async () => {
    expect([engine.inputs, engine.outputs]).toEqual([[], []])
    const refused = engine.run({ wrong: b })
    driver.fail(new Error('there is no such input'))
    await expect(refused).rejects.toThrow('no such input')
    const damaged = engine.run({ worse: b })
    driver.answer(driver.held[0], { answer: { outputs: [y], outputNames: [] } })
    await expect(damaged).rejects.toMatchObject({ code: 'HAL_DATA_LOSS' })
    expect([engine.inputs, engine.outputs]).toEqual([[], []])
    expect((await failure(engine.run([a]))).message).toContain('pass the tensors by name')
  })

  it('is known by the first run that succeeded', async () => {
    expect(await run({ b, a })).toEqual({ y, z })
    expect(engine.inputs).toEqual([
      { name: 'b', dataType: 'int64', shape: [] },
      { name: 'a', dataType: 'float32', shape: [-1, -1] },
    ])
    expect(engine.outputs).toEqual([
      { name: 'y', dataType: 'float32', shape: [-1] },
      { name: 'z', dataType: 'uint8', shape: [-1, -1] },
    ])
    expect([engine.inputSize, engine.outputSize]).toEqual([undefined, undefined])
  })

  it('gets its inputs in the order of that run from then on', async () => {
    await run({ b, a })
    await run({ a, b })
    await run([b, a])
    for (const { inputNames, inputs } of driver.given) {
      expect(inputNames).toEqual(['b', 'a'])
      expect(inputs.map(({ data }) => data)).toEqual([b.data, a.data])
    }
  })

  it('takes other sizes', async () => {
    await run({ b, a })
    const larger = tensor('float32', [4, 3])
    expect(await run({ b, a: larger }, { y: tensor('float32', [9]), z })).toHaveProperty('y.shape', [9])
  })

  it.each([
    ['missing', { b }, "input 'a' is missing"],
    ['unknown', { b, a, c: a }, "the model has no input 'c'"],
    ['of another type', { b: tensor('int32', []), a }, "input 'b': expected int64 [], got int32 []"],
    ['of another rank', { b, a: y }, "input 'a': expected float32 [?, ?], got float32 [2]"],
    ['too few', [b], 'the model takes 2 inputs'],
  ])('refuses an input that is %s, and says how it knows', async (_, inputs, message) => {
    await run({ b, a })
    const error = await failure(engine.run(inputs as Inputs))
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
    expect(error.message).toContain(message)
    expect(error.message).toContain('the first successful run taught them')
    expect(driver.held).toEqual([])
  })

  it('gives outputs in the order of that run', async () => {
    await run({ a })
    expect(Object.keys(await run({ a }, { z, y }))).toEqual(['y', 'z'])
  })

  it('may give other outputs than in that run', async () => {
    await run({ a })
    const outputs = { z: tensor('float64', [1]), y, w: y }
    expect(await run({ a }, outputs)).toEqual(outputs)
    expect(await run({ a }, { y: z })).toEqual({ y: z })
  })

  it('writes to tensors of the caller, whatever the order of the answer', async () => {
    expect((await failure(engine.run({ a }, { outputs: { y } }))).message).toContain(
      'does not tell the outputs',
    )
    await run({ a })
    const mine = engine.allocate('y', [2])
    expect(mine.dataType).toBe('float32')
    const outputs = await run({ a }, { z, y }, { outputs: { y: mine } })
    expect(outputs.y).toBe(mine)
    expect([...mine.data]).toEqual([5, 6])
  })

  it('never writes to the wrong tensor of the caller', async () => {
    await run({ a })
    const mine = engine.allocate('y', [2])
    const other = await failure(run({ a }, { z: y }, { outputs: { y: mine } }))
    expect(other).toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
    expect(other.message).toContain("your tensors are for: 'z'")
    const retyped = await failure(
      run({ a }, { y: tensor('int32', [2], [8, 9]), z }, { outputs: { y: mine } }),
    )
    expect(retyped.message).toContain("output 'y' is int32 [2], your tensor for it is float32 [2]")
    expect([...mine.data]).toEqual([0, 0])
  })

  it('can be allocated for by name', async () => {
    expect(() => engine.allocate('a', [1, 2])).toThrow("no input or output 'a'")
    await run({ a })
    expect(engine.allocate('a', [3, 2])).toMatchObject({ dataType: 'float32', shape: [3, 2] })
    expect(() => engine.allocate('a')).toThrow('pass a shape')
    expect(() => engine.allocate('a', [3])).toThrow("'a' is float32 [?, ?], not [3]")
  })
})

it('runSync teaches as well', async () => {
  const at = now()
  const sync = () => ({ outputs: [y], outputNames: ['y'], startedAt: at, endedAt: at, bytesCopied: 0 })
  const { engine } = await openManual({ ...unknown, sync })
  expect(engine.runSync({ a })).toEqual({ y })
  expect(engine.inputs).toEqual([{ name: 'a', dataType: 'float32', shape: [-1, -1] }])
  expect(engine.outputs).toEqual([{ name: 'y', dataType: 'float32', shape: [-1] }])
  expect(thrown(() => engine.runSync({ c: a })).message).toContain('the first successful run taught them')
})

it('what the runtime tells is not learned', async () => {
  const inputs = [{ name: 'a', dataType: 'float32', shape: [1, -1] }] as const
  const { engine, driver } = await openManual({ inputs, outputs: [] })
  const settled = engine.run({ a })
  driver.answer(driver.held[0], { answer: { outputs: [y], outputNames: ['y'] } })
  await settled
  expect(engine.inputs).toBe(inputs)
  expect(engine.outputs).toHaveLength(1)
  expect((await failure(engine.run({ a: y }))).message).not.toContain('taught')
})
