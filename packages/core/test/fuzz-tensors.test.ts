import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anything, fuzz, nastyName, refusal } from '../../../test/fuzz.ts'
import { type DataType, type Inputs, type Tensor, tensor } from '../src/index.ts'
import { DATA_TYPES } from '../src/tensor.ts'
import { numbers, openManual } from './fixtures/manual-backend.ts'

type Resizable = ArrayBuffer & { resize(bytes: number): void }
type Growable = SharedArrayBuffer & { grow(bytes: number): void }
const resizable = () =>
  new (ArrayBuffer as unknown as new (n: number, o: object) => Resizable)(16, { maxByteLength: 64 })
const growable = () =>
  new (SharedArrayBuffer as unknown as new (n: number, o: object) => Growable)(16, { maxByteLength: 64 })

/** Claims to be longer than it is. */
class Lying extends Float32Array {
  override get length() {
    return 4
  }
}

/** Four numbers, or what somebody made of them. */
const buffers: Readonly<Record<string, () => unknown>> = {
  whole: () => Float32Array.of(1, 2, 3, 4),
  short: () => Float32Array.of(1),
  detached: () => {
    const data = new Float32Array(4)
    structuredClone(data, { transfer: [data.buffer] })
    return data
  },
  shrunk: () => {
    const buffer = resizable()
    const data = new Float32Array(buffer, 0, 4)
    buffer.resize(8)
    return data
  },
  'shrunk, of its length': () => {
    const buffer = resizable()
    const data = new Float32Array(buffer)
    buffer.resize(4)
    return data
  },
  grown: () => {
    const buffer = growable()
    const data = new Float32Array(buffer)
    buffer.grow(32)
    return data
  },
  'a subclass that lies': () => new Lying(1),
  'own members that lie': () => Object.defineProperty(new Float32Array(1), 'length', { value: 4 }),
  'another buffer': () => Object.defineProperty(new Float32Array(4), 'buffer', { value: new ArrayBuffer(1) }),
  'a proxy': () => new Proxy(new Float32Array(4), {}),
  'array-like': () => ({ length: 4, 0: 1, 1: 1, 2: 1, 3: 1 }),
  holes: () => new Array(4),
}

const dimension = fc.oneof(
  fc.constantFrom<unknown>(4, 0, -0, -1, 1.5, Number.NaN, 2 ** 53, 2 ** 32, 1e308, 4n, '4', null),
  fc.integer(),
)
const endless = Object.assign([4], {
  *[Symbol.iterator]() {
    for (;;) yield 4
  },
})
const changing = new Proxy([4], {
  get: (target, key) => (key === '0' ? [4, 2 ** 30][Date.now() % 2] : Reflect.get(target, key)),
})
const shape = fc.oneof(
  fc.constant([4]),
  fc.array(dimension, { maxLength: 10 }),
  fc.constantFrom<unknown>(endless, changing, { length: 1, 0: 4 }, new Array(3)),
  anything,
)
const dataType = fc.oneof(fc.constantFrom<unknown>('float32', 'string', ...DATA_TYPES), nastyName, anything)
const data = fc.oneof(
  fc.constantFrom(...Object.values(buffers)),
  anything.map((value) => () => value),
)

/** With plain members, or ones that answer otherwise each time. */
const made = fc.tuple(dataType, shape, data, fc.boolean()).map(([dataType, shape, make, moves]) => {
  const given = { dataType, shape, data: make() }
  let asked = 0
  if (!moves) return given
  return Object.defineProperty(given, 'data', { get: () => (asked++ === 0 ? given : new Float32Array(1)) })
})
const value = fc.oneof({ weight: 5, arbitrary: made }, anything)

const good = () => ({ x: tensor('float32', [4], [7, 7, 7, 7]) })

test('an input is taken or refused by name, and the engine goes on', async () => {
  const { engine, driver } = await openManual()
  driver.onRun = (run) => {
    // What reaches a driver is what native code will believe.
    for (const { shape, data } of run.inputs) {
      expect(shape).toEqual([4])
      expect(
        (data as Float32Array).buffer.byteLength - (data as Float32Array).byteOffset,
      ).toBeGreaterThanOrEqual(16)
      expect(Float32Array.prototype.slice.call(data as Float32Array)).toHaveLength(4)
    }
    driver.answer(run)
  }
  await fuzz(4000, value, async (x) => {
    await refusal(() => engine.run({ x } as unknown as Inputs), "'x'")
    await refusal(() => engine.run([x] as unknown as Inputs), "'x'")
  })
  expect(numbers((await engine.run(good())).y)).toEqual([7, 7, 7, 7])
  expect(engine.load).toBe(0)
}, 120_000)

test('inputs of any kind, under any name, are refused, and the engine goes on', async () => {
  const { engine, driver } = await openManual()
  driver.onRun = (run) => driver.answer(run)
  const named = nastyName.map((name) => Object.fromEntries([...Object.entries(good()), [name, good().x]]))
  await fuzz(1000, fc.oneof(named, anything), async (inputs) => {
    await refusal(() => engine.run(inputs as Inputs), 'input')
  })
  expect(numbers((await engine.run(good())).y)).toEqual([7, 7, 7, 7])
}, 120_000)

test('output tensors are taken or refused by name', async () => {
  const { engine, driver } = await openManual()
  driver.onRun = (run) => driver.answer(run)
  await fuzz(1000, fc.tuple(fc.oneof(fc.constant('y'), nastyName), value), async ([name, given]) => {
    const outputs = Object.fromEntries([[name, given]]) as Record<string, Tensor>
    await refusal(() => engine.run(good(), { outputs }), 'output')
  })
}, 120_000)

test('a tensor is made or refused', async () => {
  await fuzz(2000, fc.tuple(dataType, shape, data), async ([dataType, shape, make]) => {
    // Sizes for which there might be memory are no fault, and would take minutes.
    if (
      Array.isArray(shape) &&
      [0, 1, 2, 3, 4, 5, 6, 7].some((i) => typeof shape[i] === 'number' && shape[i] > 10)
    )
      return
    await refusal(() => tensor(dataType as DataType, shape as number[], make() as number[]), '')
  })
}, 120_000)
