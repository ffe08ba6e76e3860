import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import {
  byteLength,
  bytesPerElement,
  DATA_TYPES,
  type DataType,
  elementCount,
  MAX_RANK,
  tensor,
} from '../src/index.ts'
import { checkTensor } from '../src/tensor-check.ts'
import { thrown } from './fixtures/manual-backend.ts'

const arrays: Readonly<Record<string, [string, number]>> = {
  float32: ['Float32Array', 4],
  float64: ['Float64Array', 8],
  float16: ['Float16Array' in globalThis ? 'Float16Array' : 'Uint16Array', 2],
  int8: ['Int8Array', 1],
  int16: ['Int16Array', 2],
  int32: ['Int32Array', 4],
  int64: ['BigInt64Array', 8],
  uint8: ['Uint8Array', 1],
  uint16: ['Uint16Array', 2],
  uint32: ['Uint32Array', 4],
  uint64: ['BigUint64Array', 8],
  bool: ['Uint8Array', 1],
  string: ['Array', 0],
}

describe('tensor', () => {
  it('knows every data type', () => {
    expect([...DATA_TYPES].sort()).toEqual(Object.keys(arrays).sort())
  })

  it.each(DATA_TYPES)('%s: zeros on shared memory in the right array', (dataType) => {
    const made = tensor(dataType, [2, 3])
    const [name, size] = arrays[dataType] as [string, number]
    expect(made.data.constructor.name).toBe(name)
    expect(made.data).toHaveLength(6)
    expect(bytesPerElement(dataType)).toBe(size)
    expect(byteLength(dataType, [2, 3])).toBe(dataType === 'string' ? undefined : 6 * size)
    expect(String(made.data[5])).toBe(dataType === 'string' ? '' : '0')
    if (dataType !== 'string') {
      expect((made.data as Float32Array).buffer).toBeInstanceOf(SharedArrayBuffer)
      expect((made.data as Float32Array).byteLength).toBe(6 * size)
    }
  })

  it('takes a typed array on a SharedArrayBuffer as it is', () => {
    const data = new Float32Array(new SharedArrayBuffer(16))
    expect(tensor('float32', [4], data).data).toBe(data)
  })

  it('copies every other array onto shared memory', () => {
    const data = Float32Array.of(1, 2)
    const made = tensor('float32', [2], data)
    data[0] = 9
    expect(Array.from(made.data)).toEqual([1, 2])
    expect(made.data.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(Array.from(tensor('int64', [2], [1n, -2n]).data)).toEqual([1n, -2n])
    expect(tensor('string', [2], ['a', 'b']).data).toEqual(['a', 'b'])
    expect(Array.from(tensor('bool', [2], [true, false]).data)).toEqual([1, 0])
  })

  it('refuses what is no string among strings', () => {
    expect(() => tensor('string', [2], ['a', undefined] as never)).toThrow(
      'element 1 is undefined, not a string',
    )
  })

  it('does not share the strings or the shape of the caller', () => {
    const [shape, data] = [[2], ['a', 'b']]
    const made = tensor('string', shape, data)
    shape[0] = 7
    data[0] = 'z'
    expect(made).toEqual({ dataType: 'string', shape: [2], data: ['a', 'b'] })
  })

  it('makes scalars and empty tensors', () => {
    expect(tensor('float32', []).data).toHaveLength(1)
    expect(tensor('float32', [3, 0, 2]).data).toHaveLength(0)
  })

  it('keeps the raw bits of half-precision numbers', () => {
    const made = tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000))
    expect(Array.from(new Uint16Array(made.data.buffer))).toEqual([0x3c00, 0xc000])
    const shared = new Uint16Array(new SharedArrayBuffer(4))
    expect(tensor('float16', [2], shared).data).toBe(shared)
  })

  it('refuses data of another length, naming both', () => {
    const error = thrown(() => tensor('float32', [2, 2], [1, 2, 3]))
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
    expect(error.message).toContain('[2, 2] holds 4 elements, but the data has 3')
  })

  it('refuses an array of another type', () => {
    const error = thrown(() => tensor('float32', [2], Int32Array.of(1, 2) as unknown as number[]))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining('Int32Array'),
    })
    const view = thrown(() => tensor('float32', [2], new DataView(new ArrayBuffer(8)) as unknown as number[]))
    expect(view.code).toBe('HAL_INVALID_ARGUMENT')
  })

  it.each([
    ['int64', [1]],
    ['uint64', [1]],
    ['float32', [1n]],
    ['int8', [1n]],
  ] as [DataType, number[]][])('refuses elements that are no %s', (dataType, data) => {
    expect(thrown(() => tensor(dataType, [1], data)).code).toBe('HAL_INVALID_ARGUMENT')
  })

  it.each(['float', '__proto__', 'constructor', 5, undefined])('refuses the data type %s', (dataType) => {
    expect(thrown(() => tensor(dataType as DataType, [1])).code).toBe('HAL_INVALID_ARGUMENT')
  })

  it.each([
    ['negative', [-1]],
    ['fractional', [1.5]],
    ['2^53', [2 ** 53]],
    ['a product of 2^53', [2 ** 30, 2 ** 23]],
    ['NaN', [Number.NaN]],
    ['infinite', [Number.POSITIVE_INFINITY]],
    ['a bigint', [2n]],
    ['a string', ['2']],
    ['with holes', new Array(2)],
    ['of rank 9', new Array(MAX_RANK + 1).fill(1)],
    ['no array', 4],
    ['an array-like', { length: 1, 0: 2 }],
    ['null', null],
    ['missing', undefined],
  ])('refuses a shape that is %s', (_, shape) => {
    expect(thrown(() => tensor('float32', shape as number[])).code).toBe('HAL_INVALID_ARGUMENT')
  })

  it('counts elements, unless a dimension is unknown', () => {
    expect(elementCount([])).toBe(1)
    expect(elementCount([2, 0])).toBe(0)
    expect(elementCount([2, -1])).toBeUndefined()
    expect(byteLength('float32', [-1])).toBeUndefined()
  })
})

describe('checkTensor', () => {
  const check = (value: unknown) =>
    checkTensor(value, "input 'x'", { name: 'x', dataType: 'float32', shape: [2, -1] })
  const good = { dataType: 'float32', shape: [2, 2], data: new Float32Array(4) }

  it('gives a frame of its own over the same data', () => {
    const checked = check(good)
    expect(checked).toEqual(good)
    expect(checked).not.toBe(good)
    expect(checked.shape).not.toBe(good.shape)
    expect(checked.data).toBe(good.data)
  })

  it.each([
    [
      'another data type',
      { ...good, dataType: 'int32', data: new Int32Array(4) },
      'expected float32 [2, ?], got int32',
    ],
    ['another rank', { ...good, shape: [4] }, 'got float32 [4]'],
    ['another dimension', { ...good, shape: [4, 1] }, 'got float32 [4, 1]'],
    ['another array', { ...good, data: new Float64Array(4) }, 'Float64Array'],
    ['a plain array', { ...good, data: [1, 2, 3, 4] }, 'Array'],
    ['too few elements', { ...good, data: new Float32Array(3) }, '4 elements, but the data has 3'],
    ['an unknown type', { ...good, dataType: 'float' }, 'float'],
    ['a negative shape', { ...good, shape: [2, -1] }, '-1'],
  ])('refuses %s and says so', (_, value, message) => {
    const error = thrown(() => check(value))
    expect(error).toMatchObject({ code: 'HAL_INVALID_ARGUMENT', message: expect.stringContaining(message) })
    expect(error.message).toContain("input 'x'")
  })

  it('hints at a transferred buffer', () => {
    const data = new Float32Array(4)
    structuredClone(data.buffer, { transfer: [data.buffer] })
    expect(thrown(() => check({ ...good, data })).message).toContain('transferred')
  })

  it.each([null, undefined, 4, 'tensor', [], Float32Array.of(1)])('throws a TypeError for %s', (value) => {
    expect(thrown(() => check(value))).toBeInstanceOf(TypeError)
  })

  it('looks at every string', () => {
    const strings = (data: unknown[]) =>
      checkTensor({ dataType: 'string', shape: [2], data }, 'words', undefined)
    expect(strings(['a', 'b']).data).toEqual(['a', 'b'])
    expect(thrown(() => strings(['a', 5])).message).toContain('element 1 is number')
    expect(thrown(() => strings(new Array(2))).message).toContain('element 0 is undefined')
  })
})

describe('plain numbers', () => {
  it.each([
    ['int8', [300], 'element 0 is 300, which int8 cannot hold'],
    ['uint8', [1, -1], 'element 1 is -1, which uint8 cannot hold'],
    ['int32', [1.5], 'element 0 is 1.5, which int32 cannot hold'],
    ['int64', [2n ** 63n], 'which int64 cannot hold'],
    ['float32', [1, 'a'], 'element 1 is "a", not a number'],
    ['float64', [1n], 'element 0 is 1, not a number'],
    ['bool', [2], 'element 0 is 2, which bool cannot hold'],
  ] as const)('that %s cannot hold are refused, not wrapped (%#)', (dataType, values, message) => {
    const make = () => tensor(dataType, [values.length], values as readonly number[])
    expect(thrown(make)).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    })
  })

  it('may be booleans where the type is bool', () => {
    expect([...tensor('bool', [2], [true, false] as unknown as readonly number[]).data]).toEqual([1, 0])
  })

  it.skipIf('Float16Array' in globalThis)('are refused for float16 where only raw bits can be given', () => {
    expect(thrown(() => tensor('float16', [1], [1.5])).message).toContain('Uint16Array')
    expect([...tensor('float16', [1], new Uint16Array([0x3c00])).data]).toEqual([0x3c00])
  })

  it('come from typed arrays of another realm as well', () => {
    const foreign = runInNewContext('new Float32Array([1, 2])') as Float32Array
    expect(foreign instanceof Float32Array).toBe(false)
    expect([...tensor('float32', [2], foreign).data]).toEqual([1, 2])
    const { data } = checkTensor({ dataType: 'float32', shape: [2], data: foreign }, 'x', undefined)
    expect((data as Float32Array).buffer).toBe(foreign.buffer)
  })

  it('of more bytes than there is memory are refused by a HalError', () => {
    expect(thrown(() => tensor('float32', [2 ** 50]))).toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED' })
  })
})
