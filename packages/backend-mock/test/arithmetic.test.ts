import { DATA_TYPES, type DataType, type Tensor, tensor } from '@xpu-hal/core/backend'
import type { OnnxAttribute } from '@xpu-hal/onnx'
import { describe, expect, test } from 'vitest'
import { fromHalf, toHalf } from '../src/arithmetic/float16.js'
import { compile } from '../src/arithmetic/index.js'

type Attributes = Readonly<Record<string, OnnxAttribute>>

/** Computes one operator. An operand that is `undefined` is left out. */
function compute(op: string, operands: readonly (Tensor | undefined)[], attributes: Attributes = {}): Tensor {
  const given = operands.flatMap((operand, i) => (operand === undefined ? [] : [{ name: `x${i}`, operand }]))
  const program = compile({
    name: op,
    inputs: given.map(({ name, operand }) => ({ name, dataType: operand.dataType })),
    outputs: [{ name: 'y', dataType: 'float32' }],
    nodes: [
      { op, inputs: operands.map((operand, i) => (operand ? `x${i}` : '')), outputs: ['y'], attributes },
    ],
  })
  const [output] = program(given.map(({ operand }) => operand))
  if (output === undefined) throw new Error('no output')
  return output
}

/** A tensor of any type of these numbers: bits for float16, digits for string. */
function of(dataType: DataType, shape: readonly number[], values: readonly number[]): Tensor {
  if (dataType === 'string') return tensor('string', shape, values.map(String))
  if (dataType === 'int64' || dataType === 'uint64') return tensor(dataType, shape, values.map(BigInt))
  if (dataType === 'float16') return tensor(dataType, shape, Uint16Array.from(values, toHalf))
  return tensor(dataType, shape, values)
}

const f = (shape: readonly number[], values: readonly number[]) => of('float32', shape, values)
const i64 = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  of('int64', shape, values)
const bool = (shape: readonly number[], values: readonly number[]) => of('bool', shape, values)

/** Type, shape and elements, as numbers where they can be. */
function plain({ dataType, shape, data }: Tensor): [DataType, readonly number[], unknown[]] {
  const elements = Array.from(data as ArrayLike<number>)
  return [dataType, shape, dataType === 'float16' ? elements.map(fromHalf) : elements]
}

const numeric = DATA_TYPES.filter((dataType) => dataType !== 'bool' && dataType !== 'string')
const floats: readonly DataType[] = ['float16', 'float32', 'float64']

describe('on every type of number', () => {
  for (const dataType of numeric) {
    const t = (values: readonly number[], shape: readonly number[] = [values.length]) =>
      of(dataType, shape, values)
    const cases: [string, Tensor[], Tensor][] = [
      ['Add', [t([1, 2, 3]), t([10])], t([11, 12, 13])],
      ['Sub', [t([5, 6], [2, 1]), t([1, 2, 3], [1, 3])], t([4, 3, 2, 5, 4, 3], [2, 3])],
      ['Mul', [t([1, 2, 3, 4], [2, 2]), t([2, 3])], t([2, 6, 6, 12], [2, 2])],
      ['Div', [t([8, 6]), t([4, 3])], t([2, 2])],
      ['Abs', [t([0, 5])], t([0, 5])],
      ['Relu', [t([0, 5])], t([0, 5])],
      ['Sum', [t([1]), t([2, 3]), t([4], [])], t([7, 8])],
      ['Max', [t([1, 5]), t([4, 2])], t([4, 5])],
      ['Min', [t([1, 5]), t([4, 2])], t([1, 2])],
      ['ReduceSum', [t([1, 2, 3, 4], [2, 2]), i64([0])], t([4, 6], [1, 2])],
      ['ReduceMax', [t([1, 2, 3, 4], [2, 2])], t([4], [1, 1])],
      ['ReduceMin', [t([1, 2, 3, 4], [2, 2]), i64([-1])], t([1, 3], [2, 1])],
      ['Add', [t([], [0, 3]), t([1])], t([], [0, 3])],
    ]
    test.each(cases.map(([op, operands, wanted]) => ({ op, operands, wanted })))(
      `${dataType} $op`,
      ({ op, operands, wanted }) => expect(plain(compute(op, operands))).toEqual(plain(wanted)),
    )
  }

  for (const dataType of numeric.filter((type) => !type.startsWith('uint'))) {
    test(`${dataType} with signs`, () => {
      const x = of(dataType, [3], [-3, 0, 2])
      expect(plain(compute('Neg', [x]))[2].map(Number)).toEqual(
        [3, -0, -2].map((v) => (floats.includes(dataType) ? v : v + 0)),
      )
      expect(plain(compute('Abs', [x]))).toEqual(plain(of(dataType, [3], [3, 0, 2])))
      expect(plain(compute('Relu', [x]))).toEqual(plain(of(dataType, [3], [0, 0, 2])))
    })
  }

  for (const dataType of [...floats, 'int32', 'int64', 'uint32', 'uint64'] as const) {
    test(`${dataType} MatMul and Gemm`, () => {
      const a = of(dataType, [2, 3], [1, 2, 3, 4, 5, 6])
      const b = of(dataType, [3, 2], [1, 0, 0, 1, 1, 1])
      expect(plain(compute('MatMul', [a, b]))).toEqual(plain(of(dataType, [2, 2], [4, 5, 10, 11])))
      const c = of(dataType, [2], [1, 2])
      expect(plain(compute('Gemm', [a, b, c]))).toEqual(plain(of(dataType, [2, 2], [5, 7, 11, 13])))
    })
  }
})

describe('on every type', () => {
  for (const dataType of DATA_TYPES) {
    const t = (shape: readonly number[], values: readonly number[]) => of(dataType, shape, values)
    // bool holds 0 and 1 alone.
    const x = t([2, 3], [1, 0, 1, 0, 0, 1])
    const cases: [string, Tensor[], Attributes, Tensor][] = [
      ['Identity', [x], {}, x],
      ['Identity', [t([0], [])], {}, t([0], [])],
      ['Reshape', [x, i64([3, -1])], {}, t([3, 2], [1, 0, 1, 0, 0, 1])],
      ['Reshape', [x, i64([0, 3, 1])], {}, t([2, 3, 1], [1, 0, 1, 0, 0, 1])],
      ['Flatten', [x], { axis: { int: 0 } }, t([1, 6], [1, 0, 1, 0, 0, 1])],
      ['Transpose', [x], {}, t([3, 2], [1, 0, 0, 0, 1, 1])],
      ['Transpose', [t([1, 2, 2], [1, 0, 0, 0])], { perm: { ints: [2, 0, 1] } }, t([2, 1, 2], [1, 0, 0, 0])],
      ['Expand', [t([2, 1], [1, 0]), i64([1, 3])], {}, t([2, 3], [1, 1, 1, 0, 0, 0])],
      ['Concat', [t([2, 1], [1, 0]), x], { axis: { int: -1 } }, t([2, 4], [1, 1, 0, 1, 0, 0, 0, 1])],
      ['Concat', [t([0, 1], []), t([1, 1], [1])], { axis: { int: 0 } }, t([1, 1], [1])],
      ['Constant', [], { value: { tensor: x } }, x],
      ['ConstantOfShape', [i64([2])], { value: { tensor: t([1], [1]) } }, t([2], [1, 1])],
      ['Shape', [x], {}, i64([2, 3])],
    ]
    test.each(cases.map(([op, operands, attributes, wanted]) => ({ op, operands, attributes, wanted })))(
      `${dataType} $op`,
      ({ op, operands, attributes, wanted }) =>
        expect(plain(compute(op, operands, attributes))).toEqual(plain(wanted)),
    )
  }
})

describe('exactly', () => {
  test('integers wrap as they do in hardware', () => {
    expect(plain(compute('Add', [of('uint8', [1], [250]), of('uint8', [1], [10])]))[2]).toEqual([4])
    expect(plain(compute('Mul', [of('int32', [1], [123456789]), of('int32', [1], [987654321])]))[2]).toEqual([
      -67153019,
    ])
    const big = tensor('int64', [1], [2n ** 63n - 1n])
    expect(plain(compute('Add', [big, i64([1])]))[2]).toEqual([-(2n ** 63n)])
    expect(
      plain(compute('MatMul', [of('uint32', [1], [4294967295]), of('uint32', [1], [4294967295])]))[2],
    ).toEqual([1])
  })

  test('integers divide towards zero, and not by zero', () => {
    expect(plain(compute('Div', [of('int32', [2], [-7, 7]), of('int32', [1], [2])]))[2]).toEqual([-3, 3])
    expect(() => compute('Div', [i64([1]), i64([0])])).toThrow(/Div: division of integers by zero/)
    expect(plain(compute('Div', [f([1], [1]), f([1], [0])]))[2]).toEqual([Number.POSITIVE_INFINITY])
  })

  test('int64 keeps what a double could not', () => {
    const big = tensor('int64', [1], [2n ** 53n + 1n])
    expect(plain(compute('Identity', [big]))[2]).toEqual([2n ** 53n + 1n])
    expect(plain(compute('ReduceSum', [big]))[2]).toEqual([2n ** 53n + 1n])
  })

  test('float16 rounds to the nearest, ties to even, subnormals and overflow included', () => {
    const bits = [0, 0x8000, 1, 0x3ff, 0x400, 0x3c00, 0x3c01, 0x7bff, 0x7c00, 0xfc00]
    for (const half of bits) expect(toHalf(fromHalf(half))).toBe(half)
    for (let half = 0; half < 0x7c00; half++) {
      if (toHalf(fromHalf(half)) !== half) throw new Error(`bits ${half} do not come back`)
    }
    expect(toHalf(1 + 2 ** -11)).toBe(0x3c00)
    expect(toHalf(1 + 3 * 2 ** -11)).toBe(0x3c02)
    expect(toHalf(65519.99)).toBe(0x7bff)
    expect(toHalf(65520)).toBe(0x7c00)
    expect(toHalf(2 ** -25)).toBe(0)
    expect(toHalf(2 ** -25 * 1.0001)).toBe(1)
    expect(toHalf(Number.NaN) & 0x7e00).toBe(0x7e00)
  })

  test('NaN comes through', () => {
    for (const op of ['Max', 'Min', 'Add']) {
      expect(plain(compute(op, [f([1], [Number.NaN]), f([1], [1])]))[2]).toEqual([Number.NaN])
    }
    expect(plain(compute('Relu', [f([1], [Number.NaN])]))[2]).toEqual([Number.NaN])
  })

  test('MatMul broadcasts batches and takes vectors', () => {
    const a = f([2, 1, 2], [1, 2, 3, 4])
    const b = f([2, 2], [1, 0, 0, 10])
    expect(plain(compute('MatMul', [a, b]))).toEqual(['float32', [2, 1, 2], [1, 20, 3, 40]])
    expect(plain(compute('MatMul', [f([2], [1, 2]), f([2], [3, 4])]))).toEqual(['float32', [], [11]])
    expect(plain(compute('MatMul', [f([2], [1, 2]), b]))).toEqual(['float32', [2], [1, 20]])
    expect(plain(compute('MatMul', [f([1, 0], []), f([0, 2], [])]))).toEqual(['float32', [1, 2], [0, 0]])
  })

  test('Gemm transposes and scales', () => {
    const a = f([3, 1], [1, 2, 3])
    const b = f([2, 3], [1, 0, 0, 1, 1, 1])
    const attributes = { transA: { int: 1 }, transB: { int: 1 }, alpha: { float: 2 }, beta: { float: 0.5 } }
    expect(plain(compute('Gemm', [a, b, f([1, 1], [10])], attributes))).toEqual(['float32', [1, 2], [7, 17]])
  })

  test('reductions take their axes from an attribute too, and drop dimensions', () => {
    const x = f([2, 2], [1, 2, 3, 4])
    const attributes = { axes: { ints: [1] }, keepdims: { int: 0 } }
    expect(plain(compute('ReduceSum', [x], attributes))).toEqual(['float32', [2], [3, 7]])
    expect(plain(compute('ReduceSum', [x], { noop_with_empty_axes: { int: 1 } }))).toEqual(plain(x))
    expect(plain(compute('ReduceSum', [f([0, 2], []), i64([0])]))).toEqual(['float32', [1, 2], [0, 0]])
    expect(plain(compute('ReduceMax', [f([0], [])]))[2]).toEqual([Number.NEGATIVE_INFINITY])
    expect(plain(compute('ReduceMax', [of('int8', [0], [])]))[2]).toEqual([-128])
  })

  test('unit matrices, and what is multiplied by them', () => {
    const shifted = compute('EyeLike', [i64([7, 7, 7, 7, 7, 7], [2, 3])], { k: { int: 1 } })
    expect(plain(shifted)).toEqual(['int64', [2, 3], [0n, 1n, 0n, 0n, 0n, 1n]])
    const unit = compute('EyeLike', [f([2, 2], [0, 0, 0, 0])])
    expect(plain(compute('MatMul', [f([1, 2], [3, -4]), unit]))).toEqual(['float32', [1, 2], [3, -4]])
    const endless = compute('MatMul', [f([1, 2], [3, Number.POSITIVE_INFINITY]), unit])
    expect(plain(endless)[2]).toEqual([Number.NaN, Number.POSITIVE_INFINITY])
  })

  test('logic', () => {
    const [a, b] = [bool([2, 1], [0, 1]), bool([2], [0, 1])]
    expect(plain(compute('And', [a, b]))).toEqual(['bool', [2, 2], [0, 0, 0, 1]])
    expect(plain(compute('Or', [a, b]))).toEqual(['bool', [2, 2], [0, 1, 1, 1]])
    expect(plain(compute('Xor', [a, b]))).toEqual(['bool', [2, 2], [0, 1, 1, 0]])
    expect(plain(compute('Not', [b]))).toEqual(['bool', [2], [1, 0]])
  })

  test('constants without a tensor', () => {
    expect(plain(compute('Constant', [], { value_int: { int: 7 } }))).toEqual(['int64', [], [7n]])
    expect(plain(compute('Constant', [], { value_floats: { floats: [1, 2] } }))).toEqual([
      'float32',
      [2],
      [1, 2],
    ])
    expect(plain(compute('Constant', [], { value_string: { string: 'a' } }))).toEqual(['string', [], ['a']])
    expect(plain(compute('ConstantOfShape', [i64([1, 2])]))).toEqual(['float32', [1, 2], [0, 0]])
    const part = { start: { int: -2 }, end: { int: -1 } }
    expect(plain(compute('Shape', [f([1, 2, 3], [0, 0, 0, 0, 0, 0])], part))).toEqual(['int64', [1], [2n]])
  })
})

describe('Cast', () => {
  const numbers: Readonly<Record<DataType, number>> = {
    float32: 1,
    uint8: 2,
    int8: 3,
    uint16: 4,
    int16: 5,
    int32: 6,
    int64: 7,
    string: 8,
    bool: 9,
    float16: 10,
    float64: 11,
    uint32: 12,
    uint64: 13,
  }
  const cast = (x: Tensor, to: DataType) => compute('Cast', [x], { to: { int: numbers[to] } })

  for (const from of numeric) {
    for (const to of numeric) {
      test(`${from} to ${to}`, () => {
        expect(plain(cast(of(from, [2], [0, 5]), to))).toEqual(plain(of(to, [2], [0, 5])))
      })
    }
    test(`${from} to bool and back`, () => {
      expect(plain(cast(of(from, [2], [0, 5]), 'bool'))).toEqual(['bool', [2], [0, 1]])
      expect(plain(cast(bool([2], [0, 1]), from))).toEqual(plain(of(from, [2], [0, 1])))
    })
    test(`string to ${from}`, () => {
      expect(plain(cast(tensor('string', [2], ['0', ' 12']), from))).toEqual(plain(of(from, [2], [0, 12])))
    })
  }

  test('floats lose their fraction, integers their high bits', () => {
    expect(plain(cast(f([2], [-1.9, 1.9]), 'int32'))[2]).toEqual([-1, 1])
    expect(plain(cast(f([1], [-1.9]), 'int64'))[2]).toEqual([-1n])
    expect(plain(cast(tensor('int64', [1], [-1n]), 'uint8'))[2]).toEqual([255])
    expect(plain(cast(tensor('int64', [1], [-1n]), 'uint64'))[2]).toEqual([2n ** 64n - 1n])
    expect(plain(cast(tensor('float64', [1], [0.1]), 'float16'))[2]).toEqual([0.0999755859375])
  })

  test('strings', () => {
    expect(plain(cast(i64([-12]), 'string'))).toEqual(['string', [1], ['-12']])
    expect(plain(cast(tensor('string', [2], ['NaN', '-INF']), 'float32'))[2]).toEqual([
      Number.NaN,
      Number.NEGATIVE_INFINITY,
    ])
    expect(() => cast(tensor('string', [1], ['five']), 'float32')).toThrow(/"five" is not a number/)
    expect(() => cast(f([1], [0.1]), 'string')).toThrow(/Cast.*float32/)
  })
})

describe('what it cannot do, it says', () => {
  const unimplemented = (run: () => unknown, message: RegExp) => {
    expect(run).toThrow(message)
    expect(run).toThrow(expect.objectContaining({ code: 'HAL_UNIMPLEMENTED' }))
  }

  test('an operator outside the subset, with the way out', () => {
    unimplemented(() => compute('Conv', [f([1], [1])]), /operator Conv.*arithmetic: 'zeros'/)
  })

  test('an attribute that it does not know', () => {
    unimplemented(
      () => compute('Add', [f([1], [1]), f([1], [1])], { broadcast: { int: 1 } }),
      /Add.*"broadcast"/,
    )
  })

  test('a type', () => {
    unimplemented(() => compute('Add', [bool([1], [1]), bool([1], [1])]), /Add.*bool/)
    unimplemented(() => compute('MatMul', [of('int8', [1], [1]), of('int8', [1], [1])]), /MatMul.*int8/)
  })

  test('operands that do not fit each other', () => {
    const wrong: [string, (Tensor | undefined)[], RegExp][] = [
      ['Add', [f([2], [1, 2]), f([3], [1, 2, 3])], /\[2\] and \[3\] do not broadcast/],
      ['Add', [f([1], [1]), i64([1])], /float32 and int64/],
      ['Add', [f([1], [1]), undefined], /input 1 is missing/],
      ['MatMul', [f([2, 3], [0, 0, 0, 0, 0, 0]), f([2, 1], [0, 0])], /\[2, 3\] and \[2, 1\] do not multiply/],
      ['Reshape', [f([3], [1, 2, 3]), i64([2])], /\[3\] cannot become \[2\]/],
      ['Reshape', [f([3], [1, 2, 3]), i64([2, -1])], /cannot become/],
      ['Expand', [f([2], [1, 2]), i64([3])], /does not expand/],
      ['ReduceSum', [f([2], [1, 2]), i64([1])], /axis 1 is out of range/],
    ]
    for (const [op, operands, message] of wrong) {
      expect(() => compute(op, operands)).toThrow(message)
      expect(() => compute(op, operands)).toThrow(expect.objectContaining({ code: 'HAL_INVALID_ARGUMENT' }))
    }
  })

  test('a graph that reads what nothing computes', () => {
    const graph = { name: 'g', inputs: [], outputs: [{ name: 'y', dataType: 'float32' as const }], nodes: [] }
    expect(() => compile(graph)).toThrow(/graph "g" reads "y"/)
  })
})
