import { DATA_TYPES, type DataType, elementCount, type Tensor, tensor } from '@xpu-hal/core'
import { describe, expect, test } from 'vitest'
import { floats, identity, model, nonZero, openHere } from './support.js'

/** Elements that no other type would keep as they are. */
function sample(dataType: DataType, count: number): Tensor['data'] {
  const extremes: Partial<Record<DataType, readonly (number | bigint | string)[]>> = {
    float32: [Math.fround(0.1), -0, Number.POSITIVE_INFINITY],
    float64: [0.1, Number.MAX_VALUE, Number.MIN_VALUE],
    int8: [-128, 127],
    int16: [-32768, 32767],
    int32: [-(2 ** 31), 2 ** 31 - 1],
    int64: [-(2n ** 63n), 2n ** 63n - 1n],
    uint8: [255, 1],
    uint16: [65535, 1],
    uint32: [2 ** 32 - 1, 1],
    uint64: [2n ** 64n - 1n, 1n],
    bool: [1, 0],
    string: ['', 'plain', 'Grüße 🌍', 'a\0b', '\0', 'x'.repeat(5000)],
  }
  const data = tensor(dataType, [count]).data
  const values = extremes[dataType]
  if (values === undefined) {
    const bits = new Uint16Array((data as Uint16Array).buffer) // float16: 1.5, -2, the largest
    bits.set([0x3e00, 0xc000, 0x7bff].slice(0, count))
  } else {
    for (let i = 0; i < count; i++) Object.assign(data, { [i]: values[i % values.length] })
  }
  return data
}

describe.each(DATA_TYPES)('%s', (dataType) => {
  test.each([
    ['several elements', [2, 3]],
    ['a scalar', []],
    ['nothing', [0, 3]],
    ['rank 8', [1, 2, 1, 1, 3, 1, 1, 1]],
  ])('goes through unchanged: %s', async (_, shape) => {
    const x: Tensor = { dataType, shape, data: sample(dataType, elementCount(shape) ?? 0) }
    using session = await openHere(identity(dataType, shape))
    expect(session.inputs).toEqual([{ name: 'x', dataType, shape }])
    const allocated = session.run([x]).outputs[0]
    expect(allocated).toEqual(x)
    const y = tensor(dataType, shape)
    expect(session.run([x], [y]).outputs[0]).toEqual(x)
    if (dataType !== 'string') {
      expect(session.run([x], [y])).toEqual({ outputs: [x], bytesCopied: 0 })
      expect(session.run([x], [y]).outputs[0]).toBe(y)
      expect(allocated).toHaveProperty('data.buffer', expect.any(SharedArrayBuffer))
    }
  })
})

test('counts the bytes it copies: none in place, those of outputs that the runtime allocates, those of strings', async () => {
  using numbers = await openHere(identity('float32', ['n']))
  expect(numbers.outputs[0]?.shape).toEqual([-1])
  expect(numbers.run([floats([1, 2, 3])]).bytesCopied).toBe(12)
  expect(numbers.run([floats([1, 2])], [floats([0, 0])]).bytesCopied).toBe(0)
  using strings = await openHere(identity('string', ['n']))
  expect(strings.run([tensor('string', [2], ['ab', 'é'])]).bytesCopied).toBe(8)
})

test('takes tensors that do not lie on shared memory', async () => {
  using session = await openHere(identity('float32', [3]))
  const x = { dataType: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) } as const
  const y = { dataType: 'float32', shape: [3], data: new Float32Array(3) } as const
  expect(session.run([x], [y]).outputs[0]).toBe(y)
  expect(y.data).toEqual(x.data)
})

test('reads views into a larger buffer from their own offset', async () => {
  const data = new Float32Array(new SharedArrayBuffer(64), 12, 2)
  data.set([5, 6])
  using session = await openHere(identity('float32', [2]))
  expect(session.run([{ dataType: 'float32', shape: [2], data }]).outputs[0]?.data).toEqual(data)
})

test('outputs of a dynamic shape come in the shape of each run', async () => {
  using session = await openHere(nonZero(4, [1, 'n']))
  expect(session.outputs).toEqual([{ name: 'y', dataType: 'int64', shape: [1, -1] }])
  expect(session.run([floats([0, 1, 0, 1])]).outputs[0]).toEqual(tensor('int64', [1, 2], [1n, 3n]))
  expect(session.run([floats([0, 0, 0, 0])]).outputs[0]).toEqual(tensor('int64', [1, 0]))
})

test('memory of the wrong shape for a dynamic output is not used, that of the next run is', async () => {
  using session = await openHere(nonZero(3, [1, 'n']))
  const wrong = tensor('int64', [1, 3])
  expect(session.run([floats([0, 1, 0])], [wrong]).outputs[0]).toEqual(tensor('int64', [1, 1], [1n]))
  const right = tensor('int64', [1, 1])
  const answer = session.run([floats([0, 0, 1])], [right])
  expect(answer.outputs[0]).toBe(right)
  expect(answer.bytesCopied).toBe(0)
})

test('a model that lies about the shape of an output is found out once; the answer is right', async () => {
  using session = await openHere(nonZero(4, [1, 4]))
  const memory = tensor('int64', [1, 4])
  expect(session.run([floats([0, 1, 0, 1])], [memory]).outputs[0]).toEqual(tensor('int64', [1, 2], [1n, 3n]))
  // From now on the runtime allocates, also where the shape happens to be as promised.
  const full = session.run([floats([1, 1, 1, 1])], [memory])
  expect(full.outputs[0]).toEqual(tensor('int64', [1, 4], [0n, 1n, 2n, 3n]))
  expect(full.bytesCopied).toBe(32)
})

test('only the outputs that lie are copied', async () => {
  const x = { name: 'x', dataType: 'float32', shape: [3] } as const
  const outputs = [
    { name: 'a', dataType: 'int64', shape: [1, 3] },
    { name: 'b', dataType: 'float32', shape: [3] },
    { name: 'c', dataType: 'int64', shape: [1, 3] },
  ] as const
  const nodes = [
    { op: 'NonZero', inputs: ['x'], outputs: ['a'] },
    { op: 'Neg', inputs: ['x'], outputs: ['b'] },
    { op: 'NonZero', inputs: ['b'], outputs: ['c'] },
  ]
  using session = await openHere(model([x], outputs, nodes))
  const memory = [tensor('int64', [1, 3]), tensor('float32', [3]), tensor('int64', [1, 3])]
  const answer = session.run([floats([0, 2, 0])], memory)
  expect(answer.outputs[1]).toBe(memory[1])
  expect(answer.outputs.map(({ data }) => [...(data as Float32Array)])).toEqual([[1n], [-0, -2, -0], [1n]])
  expect(answer.bytesCopied).toBe(16)
})

test('several inputs and outputs keep their order and their names', async () => {
  const value = (name: string) => ({ name, dataType: 'float32', shape: [1] }) as const
  const nodes = [
    { op: 'Sub', inputs: ['a', 'b'], outputs: ['größe/0'] },
    { op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] },
  ]
  using session = await openHere(model([value('b'), value('a')], [value('sum'), value('größe/0')], nodes))
  expect(session.inputs.map(({ name }) => name)).toEqual(['b', 'a'])
  expect(session.outputs.map(({ name }) => name)).toEqual(['sum', 'größe/0'])
  expect(session.run([floats([1]), floats([10])]).outputs).toEqual([floats([11]), floats([9])])
})

test('a constant output and an input that is an output go to the memory given', async () => {
  const value = (name: string) => ({ name, dataType: 'float32', shape: [2] }) as const
  const nodes = [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }]
  const bytes = model([value('x')], [value('y'), value('w')], nodes, { initializers: { w: floats([7, 8]) } })
  using session = await openHere(bytes)
  const memory = [floats([0, 0]), floats([0, 0])]
  expect(session.run([floats([1, 2])], memory).outputs).toEqual([floats([1, 2]), floats([7, 8])])
  expect(memory[1]?.data).toEqual(Float32Array.of(7, 8))
})

test('an input that is itself an output comes with its values, whatever memory is given for it', async () => {
  const value = (name: string) => ({ name, dataType: 'float32', shape: [2] }) as const
  const nodes = [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }]
  using session = await openHere(model([value('x')], [value('x'), value('y')], nodes))
  const memory = [floats([0, 0]), floats([0, 0])]
  const answer = session.run([floats([1, 2])], memory)
  expect(answer.outputs).toEqual([floats([1, 2]), floats([-1, -2])])
  expect(answer.outputs[1]).toBe(memory[1])
  expect(answer.bytesCopied).toBe(8)
})

test('a wrong input fails its run by name; the next run is fine', async () => {
  using session = await openHere(identity('float32', [3]))
  expect(() => session.run([floats([1, 2])])).toThrow(/x.*Got: 2 Expected: 3/s)
  expect(() => session.run([tensor('int32', [3])])).toThrow(/Run failed/)
  expect(session.run([floats([1, 2, 3])]).outputs).toEqual([floats([1, 2, 3])])
})
