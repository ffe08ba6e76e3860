import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { TensorInfo } from '../src/backend.ts'
import { type Inputs, tensor } from '../src/index.ts'
import {
  bufferOf,
  failure,
  flush,
  type ManualDeviceSpec,
  numbers,
  openManual,
  tagged,
  thrown,
} from './fixtures/manual-backend.ts'

const image: TensorInfo = { name: 'image', dataType: 'float32', shape: [1, 2] }
const length: TensorInfo = { name: 'length', dataType: 'int64', shape: [1] }
const two = { image: tensor('float32', [1, 2], [1, 2]), length: tensor('int64', [1], [3n]) }

async function open(inputs: readonly TensorInfo[] = [image, length], more: ManualDeviceSpec = {}) {
  const { engine, driver } = await openManual({ inputs, ...more })
  const refused = async (given: unknown) => {
    const error = await failure(engine.run(given as Inputs))
    expect(engine.load).toBe(0)
    expect(driver.given).toHaveLength(0)
    return error
  }
  return { engine, driver, refused }
}

describe('inputs', () => {
  it('come by name and reach the driver in the order of the model', async () => {
    const { engine, driver } = await open()
    engine.tryRunAsync({ length: two.length, image: two.image })
    expect(driver.held[0]?.inputNames).toEqual(['image', 'length'])
    expect(driver.held[0]?.inputs.map(({ data }) => data)).toEqual([two.image.data, two.length.data])
  })

  it('come as a list in the order of the model', async () => {
    const { engine, driver, refused } = await open()
    expect((await refused([two.image])).message).toContain("2 inputs ('image', 'length'), got a list of 1")
    expect((await refused([two.length, two.image])).message).toContain("input 0 ('image')")
    engine.tryRunAsync([two.image, two.length])
    expect(driver.held[0]?.inputs[1]?.data).toBe(two.length.data)
  })

  it('lie on shared memory as they are, by reference', async () => {
    const { engine, driver } = await open()
    engine.tryRunAsync(two)
    expect(driver.held[0]?.inputs[0]?.data).toBe(two.image.data)
    expect(engine.stats().bytesCopied).toBe(0)
  })

  it('are copied to shared memory, and counted, where they lie elsewhere', async () => {
    const { engine, driver } = await open()
    const own = {
      ...two,
      image: { dataType: 'float32', shape: [1, 2], data: Float32Array.of(5, 6) },
    } as const
    engine.tryRunAsync(own)
    const reached = driver.held[0]?.inputs[0]
    expect(bufferOf(reached)).toBeInstanceOf(SharedArrayBuffer)
    expect(numbers(reached)).toEqual([5, 6])
    expect(engine.stats().bytesCopied).toBe(8)
  })

  it('are never copied for a driver that takes any memory', async () => {
    const { engine, driver } = await open([image, length], { memory: 'any' })
    const data = Float32Array.of(5, 6)
    engine.tryRunAsync({ ...two, image: { dataType: 'float32', shape: [1, 2], data } })
    expect(driver.held[0]?.inputs[0]?.data).toBe(data)
    expect(engine.stats().bytesCopied).toBe(0)
  })

  it.each([
    ['missing', { image: two.image }, "input 'length' is missing; got 'image'"],
    ['none', {}, "input 'image' is missing; got no inputs"],
    ['extra', { ...two, lenght: two.length }, "no input 'lenght'; did you mean 'length'?"],
    [
      'of another type',
      { ...two, length: tensor('int32', [1]) },
      "input 'length': expected int64 [1], got int32 [1]",
    ],
    [
      'of another rank',
      { ...two, image: tensor('float32', [2]) },
      'expected float32 [1, 2], got float32 [2]',
    ],
    ['of another dimension', { ...two, image: tensor('float32', [1, 3]) }, 'got float32 [1, 3]'],
    [
      'of another length',
      { ...two, image: { dataType: 'float32', shape: [1, 2], data: new Float32Array(3) } },
      'holds 2 elements, but the data has 3',
    ],
    ['prototype', Object.create(two), "input 'image' is missing"],
  ])('are refused when %s, before they are accepted', async (_, inputs, message) => {
    const { refused } = await open()
    expect(await refused(inputs)).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    })
  })

  it('are refused when their buffer was transferred', async () => {
    const { refused } = await open()
    const data = Float32Array.of(1, 2)
    structuredClone(data.buffer, { transfer: [data.buffer] })
    const error = await refused({ ...two, image: { dataType: 'float32', shape: [1, 2], data } })
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining('transferred'),
    })
  })

  it.each([null, undefined, 5, 'image'])('give a TypeError when they are %s', async (inputs) => {
    const { engine, refused } = await open()
    expect(await refused(inputs)).toBeInstanceOf(TypeError)
    expect(thrown(() => engine.tryRunAsync(inputs as unknown as Inputs))).toBeInstanceOf(TypeError)
    expect(await failure(engine.runAsync(inputs as unknown as Inputs))).toBeInstanceOf(TypeError)
  })

  it('refuse a bare typed array in a few words', async () => {
    const { refused } = await open()
    const error = await refused(new Float32Array(10_000))
    expect(error.message.length).toBeLessThan(300)
    expect(error.message).toContain('Float32Array')
  })

  it('give a TypeError for a tensor that is none', async () => {
    const { refused } = await open()
    expect(await refused({ ...two, image: undefined })).toBeInstanceOf(TypeError)
    expect((await refused({ ...two, image: Float32Array.of(1, 2) })).message).toContain("input 'image'")
  })

  it.each(['__proto__', 'constructor'])('may be called %s', async (name) => {
    const { engine, driver, refused } = await open([{ ...image, name }])
    expect(await refused({})).toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
    engine.tryRunAsync(JSON.parse(`{"${name}": 0}`, (key, value) => (key === name ? two.image : value)))
    expect(driver.held[0]?.inputs[0]?.data).toBe(two.image.data)
  })

  it('refuse __proto__ as one too many', async () => {
    const { refused } = await open()
    const given = Object.defineProperty({ ...two }, '__proto__', { value: two.image, enumerable: true })
    expect((await refused(given)).message).toContain("'__proto__'")
  })

  it('of a runtime that does not tell its inputs go through by name', async () => {
    const { engine, driver, refused } = await open([])
    expect((await refused([two.image])).message).toContain('by name')
    expect((await refused(new Uint8Array(4))).message).toContain('does not tell')
    engine.tryRunAsync({ b: two.length, a: two.image })
    expect(driver.held[0]?.inputNames).toEqual(['b', 'a'])
  })
})

describe('inputs as one byte array', () => {
  const bytes = (offset: number, shared = false) => {
    const buffer = shared ? new SharedArrayBuffer(offset + 16) : new ArrayBuffer(offset + 16)
    const view = new DataView(buffer, offset)
    for (const [at, value] of [1, 2].entries()) view.setFloat32(at * 4, value, true)
    view.setBigInt64(8, 3n, true)
    return new Uint8Array(buffer, offset, 16)
  }

  it.each([0, 1, 3, 4, 8])('are taken apart at offset %i', async (offset) => {
    for (const shared of [false, true]) {
      const { engine, driver } = await open()
      engine.tryRunAsync(bytes(offset, shared))
      const [first, second] = driver.held[0]?.inputs ?? []
      expect(numbers(first)).toEqual([1, 2])
      expect(Array.from(second?.data as BigInt64Array)).toEqual([3n])
      for (const input of [first, second]) {
        expect(bufferOf(input)).toBeInstanceOf(SharedArrayBuffer)
      }
    }
  })

  it('may come from another realm, as under test runners', async () => {
    const { engine, driver } = await open()
    const given = runInNewContext('new Uint8Array(16)') as Uint8Array
    engine.tryRunAsync(given)
    expect(numbers(driver.held[0]?.inputs[0])).toEqual([0, 0])
  })

  it('are views on aligned shared memory', async () => {
    const { engine, driver } = await open()
    const given = bytes(8, true)
    engine.tryRunAsync(given)
    expect(bufferOf(driver.held[0]?.inputs[0])).toBe(given.buffer)
    expect(engine.stats().bytesCopied).toBe(0)
  })

  it('count every byte that is copied', async () => {
    const { engine } = await open()
    engine.tryRunAsync(bytes(1, false))
    expect(engine.stats().bytesCopied).toBe(16)
    await flush()
    const any = await open([image, length], { memory: 'any' })
    any.engine.tryRunAsync(bytes(1, true))
    expect(any.engine.stats().bytesCopied).toBe(16)
  })

  it('are refused at another length, and where sizes are open', async () => {
    const { refused } = await open()
    expect((await refused(new Uint8Array(15))).message).toContain('16 bytes, got 15')
    const dynamic = await open([{ ...image, shape: [-1, 2] }])
    expect((await dynamic.refused(new Uint8Array(8))).message).toContain("'image' has no fixed size")
    const strings = await open([{ ...image, dataType: 'string' }])
    expect((await strings.refused(new Uint8Array(8))).message).toContain("'image' has no fixed size")
  })
})

it('dynamic dimensions take any length', async () => {
  const { engine, driver, refused } = await open([{ ...image, shape: [-1, 2] }])
  expect((await refused({ image: tensor('float32', [3, 3]) })).message).toContain('expected float32 [?, 2]')
  engine.tryRunAsync({ image: tensor('float32', [5, 2]) })
  expect(driver.held[0]?.inputs[0]?.shape).toEqual([5, 2])
})

it('allocate gives shared tensors for inputs and outputs, and names what is wrong', async () => {
  const { engine } = await openManual({ inputs: [{ name: 'x', dataType: 'float32', shape: [-1, 4] }] })
  expect(engine.allocate('y')).toMatchObject({ dataType: 'float32', shape: [4] })
  expect(engine.allocate('x', [3, 4]).data.length).toBe(12)
  expect((engine.allocate('y').data as Float32Array).buffer).toBeInstanceOf(SharedArrayBuffer)
  for (const [call, message] of [
    [() => engine.allocate('x'), 'pass a shape'],
    [() => engine.allocate('x', [3, 5]), 'float32 [?, 4], not [3, 5]'],
    [() => engine.allocate('y', [-1]), 'dimension 0 is -1'],
    [() => engine.allocate('z'), "no input or output 'z'"],
    [() => engine.allocate('__proto__'), "no input or output '__proto__'"],
  ] as const) {
    expect(thrown(call)).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    })
  }
})

it('sizes are known where all shapes are', async () => {
  expect((await open()).engine).toMatchObject({ inputSize: 16, outputSize: 16 })
  expect((await open([{ ...image, shape: [-1] }])).engine.inputSize).toBeUndefined()
  expect((await open([])).engine.inputSize).toBeUndefined()
  await expect(open().then(({ engine }) => engine.run(tagged(1)))).rejects.toThrow("input 'image' is missing")
})
