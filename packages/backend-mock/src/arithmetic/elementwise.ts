import type { Tensor } from '@xpu-hal/core/backend'
import type { Operands, Operator } from './operator.js'
import { broadcastShape, broadcastStrides, countOf, positions, sameShape } from './shape.js'
import {
  type BigInts,
  elements,
  elementsOf,
  fromNumbers,
  isBig,
  isFloat,
  isNumber,
  larger,
  numbers,
  numbersOf,
  result,
  smaller,
} from './values.js'

/** One function for each kind of number. `int` results wrap when they are stored. */
interface Binary {
  float(a: number, b: number): number
  int(a: number, b: number): number
  big(a: bigint, b: bigint): bigint
}

interface Unary {
  number(a: number): number
  big(a: bigint): bigint
}

const max: Binary = { float: Math.max, int: Math.max, big: larger }
const min: Binary = { float: Math.min, int: Math.min, big: smaller }
const add: Binary = { float: (a, b) => a + b, int: (a, b) => a + b, big: (a, b) => a + b }
const subtract: Binary = { float: (a, b) => a - b, int: (a, b) => a - b, big: (a, b) => a - b }
// Math.imul keeps the low 32 bits, which a product of doubles would lose.
const multiply: Binary = { float: (a, b) => a * b, int: Math.imul, big: (a, b) => a * b }
const divide: Binary = { float: (a, b) => a / b, int: (a, b) => Math.trunc(a / b), big: (a, b) => a / b }

export const elementwise: Readonly<Record<string, Operator>> = {
  Add: binary(add),
  Sub: binary(subtract),
  Mul: binary(multiply),
  Div: {
    attributes: [],
    evaluate(operands) {
      const divisor = operands.at(1)
      if (
        !isFloat(divisor.dataType) &&
        [...(divisor.data as Iterable<unknown>)].some((x) => x === 0 || x === 0n)
      ) {
        throw operands.invalid('division of integers by zero')
      }
      return apply(operands, divide, operands.at(0), divisor)
    },
  },
  Sum: variadic(add),
  Max: variadic(max),
  Min: variadic(min),
  Neg: unary({ number: (a) => -a, big: (a) => -a }),
  Abs: unary({ number: Math.abs, big: (a) => (a < 0n ? -a : a) }),
  Relu: unary({ number: (a) => Math.max(0, a), big: (a) => (a < 0n ? 0n : a) }),
}

function binary(operation: Binary): Operator {
  return {
    attributes: [],
    evaluate: (operands) => apply(operands, operation, operands.at(0), operands.at(1)),
  }
}

function variadic(operation: Binary): Operator {
  return {
    attributes: [],
    evaluate(operands) {
      const [first = operands.at(0), ...rest] = operands.all
      return rest.reduce((sum, next) => apply(operands, operation, sum, next), first)
    },
  }
}

function unary(operation: Unary): Operator {
  return {
    attributes: [],
    evaluate(operands) {
      const { dataType, shape, ...operand } = operands.at(0)
      if (!isNumber(dataType)) throw operands.refused(dataType)
      const count = operand.data.length
      if (isBig(dataType)) {
        const source = operand.data as BigInts
        const data = elements(dataType, count) as BigInts
        for (let i = 0; i < count; i++) data[i] = operation.big(source[i] as bigint)
        return result(dataType, shape, data)
      }
      const source = numbersOf({ dataType, shape, ...operand })
      const data = numbers(dataType, count)
      for (let i = 0; i < count; i++) data[i] = operation.number(source[i] as number)
      return fromNumbers(dataType, shape, data)
    },
  }
}

function apply(operands: Operands, operation: Binary, a: Tensor, b: Tensor): Tensor {
  const { dataType } = a
  if (!isNumber(dataType)) throw operands.refused(dataType)
  const { shape, left, right } = broadcast(operands, a, b)
  const count = countOf(shape)
  if (isBig(dataType)) {
    const [x, y] = [elementsOf(a) as BigInts, elementsOf(b) as BigInts]
    const data = elements(dataType, count) as BigInts
    for (let i = 0; i < count; i++) data[i] = operation.big(x[left(i)] as bigint, y[right(i)] as bigint)
    return result(dataType, shape, data)
  }
  const [x, y] = [numbersOf(a), numbersOf(b)]
  const data = numbers(dataType, count)
  const compute = isFloat(dataType) ? operation.float : operation.int
  for (let i = 0; i < count; i++) data[i] = compute(x[left(i)] as number, y[right(i)] as number)
  return fromNumbers(dataType, shape, data)
}

/** The common shape of two operands, and where each element of the result finds its own. */
export function broadcast(operands: Operands, a: Tensor, b: Tensor) {
  if (a.dataType !== b.dataType) throw operands.invalid(`inputs of types ${a.dataType} and ${b.dataType}`)
  const shape = broadcastShape(a.shape, b.shape)
  if (shape === undefined) {
    throw operands.invalid(`shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not broadcast`)
  }
  return { shape, left: reader(a.shape, shape), right: reader(b.shape, shape) }
}

function reader(from: readonly number[], to: readonly number[]): (index: number) => number {
  if (sameShape(from, to)) return (index) => index
  if (countOf(from) === 1) return () => 0
  const map = positions(to, broadcastStrides(from, to))
  return (index) => map[index] as number
}
