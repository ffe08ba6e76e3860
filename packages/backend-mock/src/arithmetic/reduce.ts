import type { DataType, Tensor } from '@xpu-hal/core/backend'
import { type Attributes, integer, integerList, type Operands, type Operator } from './operator.js'
import { axisOf, broadcastStrides, countOf, positions } from './shape.js'
import {
  type BigInts,
  elements,
  elementsOf,
  fromNumbers,
  isBig,
  isNumber,
  larger,
  numbersOf,
  result,
  smaller,
} from './values.js'

interface Reduction {
  number(a: number, b: number): number
  big(a: bigint, b: bigint): bigint
  /** What a reduction over nothing gives. */
  readonly start: (dataType: DataType) => number | bigint
}

const lowest: Partial<Record<DataType, number | bigint>> = {
  int8: -(2 ** 7),
  int16: -(2 ** 15),
  int32: -(2 ** 31),
  int64: -(2n ** 63n),
  uint8: 0,
  uint16: 0,
  uint32: 0,
  uint64: 0n,
}

const highest: Partial<Record<DataType, number | bigint>> = {
  int8: 2 ** 7 - 1,
  int16: 2 ** 15 - 1,
  int32: 2 ** 31 - 1,
  int64: 2n ** 63n - 1n,
  uint8: 2 ** 8 - 1,
  uint16: 2 ** 16 - 1,
  uint32: 2 ** 32 - 1,
  uint64: 2n ** 64n - 1n,
}

export const reduce: Readonly<Record<string, Operator>> = {
  ReduceSum: reduction({
    number: (a, b) => a + b,
    big: (a, b) => a + b,
    start: (dataType) => (isBig(dataType) ? 0n : 0),
  }),
  ReduceMax: reduction({
    number: Math.max,
    big: larger,
    start: (dataType) => lowest[dataType] ?? Number.NEGATIVE_INFINITY,
  }),
  ReduceMin: reduction({
    number: Math.min,
    big: smaller,
    start: (dataType) => highest[dataType] ?? Number.POSITIVE_INFINITY,
  }),
}

function reduction(operation: Reduction): Operator {
  return {
    attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
    evaluate: (operands, attributes) => run(operands, attributes, operation),
  }
}

function run(operands: Operands, attributes: Attributes, operation: Reduction): Tensor {
  const operand = operands.at(0)
  const { dataType, shape } = operand
  if (!isNumber(dataType)) throw operands.refused(dataType)
  // The axes were an attribute before they became an input (opset 13 for ReduceSum, 18 for the others).
  const axes = integerList(attributes.axes) ?? operands.integers(1) ?? []
  if (axes.length === 0 && integer(attributes.noop_with_empty_axes, 0) !== 0) return operand
  const reduced = shape.map(() => axes.length === 0)
  for (const axis of axes) {
    const at = axisOf(axis, shape.length)
    if (at === undefined) throw operands.invalid(`axis ${axis} is out of range for rank ${shape.length}`)
    reduced[at] = true
  }
  const kept = shape.map((dimension, i) => (reduced[i] ? 1 : dimension))
  const to = positions(shape, broadcastStrides(kept, shape))
  const final = integer(attributes.keepdims, 1) !== 0 ? kept : shape.filter((_, i) => !reduced[i])
  const count = countOf(kept)
  const start = operation.start(dataType)
  if (isBig(dataType)) {
    const source = elementsOf(operand) as BigInts
    const sums = (elements(dataType, count) as BigInt64Array).fill(start as bigint)
    for (let i = 0; i < to.length; i++) {
      const at = to[i] as number
      sums[at] = operation.big(sums[at] as bigint, source[i] as bigint)
    }
    return result(dataType, final, sums)
  }
  const source = numbersOf(operand)
  // Summed in double precision and rounded once.
  const sums = new Float64Array(count).fill(start as number)
  for (let i = 0; i < to.length; i++) {
    const at = to[i] as number
    sums[at] = operation.number(sums[at] as number, source[i] as number)
  }
  return fromNumbers(dataType, final, sums)
}
