import type { DataType, Tensor } from '@xpu-hal/core/backend'
import { elementwise } from './elementwise.js'
import { integer, Operands, type Operator } from './operator.js'
import { broadcastShape, broadcastStrides, positions } from './shape.js'
import {
  type BigInts,
  elements,
  elementsOf,
  fromNumbers,
  isBig,
  isFloat,
  type Numbers,
  numbers,
  numbersOf,
  result,
} from './values.js'

export const matrix: Readonly<Record<string, Operator>> = {
  MatMul: { attributes: [], evaluate: (operands) => matmul(operands, operands.at(0), operands.at(1)) },

  Gemm: {
    attributes: ['alpha', 'beta', 'transA', 'transB'],
    evaluate(operands, { alpha, beta, transA, transB }) {
      const [a, b, c] = [operands.at(0), operands.at(1), operands.optional(2)]
      if (a.shape.length !== 2 || b.shape.length !== 2) throw operands.invalid('A and B must be matrices')
      const product = matmul(operands, transA ? transposed(a) : a, transB ? transposed(b) : b)
      const scaled = scale(operands, product, integer(alpha, 1))
      if (c === undefined) return scaled
      const sum = combine('Add', scaled, scale(operands, c, integer(beta, 1)))
      if (sum.data.length !== product.data.length)
        throw operands.invalid('C does not broadcast to the product')
      return sum
    },
  },
}

const takes: readonly DataType[] = ['float16', 'float32', 'float64', 'int32', 'int64', 'uint32', 'uint64']

function matmul(operands: Operands, a: Tensor, b: Tensor): Tensor {
  const { dataType } = a
  if (!takes.includes(dataType)) throw operands.refused(dataType)
  if (dataType !== b.dataType) throw operands.invalid(`inputs of types ${dataType} and ${b.dataType}`)
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape
  const [rows = 0, inner] = left.slice(-2)
  const [height, columns = 0] = right.slice(-2)
  const batch = broadcastShape(left.slice(0, -2), right.slice(0, -2))
  if (inner === undefined || inner !== height || batch === undefined) {
    throw operands.invalid(`shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not multiply`)
  }
  const shape = [
    ...batch,
    ...(a.shape.length === 1 ? [] : [rows]),
    ...(b.shape.length === 1 ? [] : [columns]),
  ]
  const lefts = positions(batch, broadcastStrides(left.slice(0, -2), batch))
  const rights = positions(batch, broadcastStrides(right.slice(0, -2), batch))
  const count = lefts.length * rows * columns

  const fill = <T extends number | bigint>(
    data: { [index: number]: T },
    dot: (x: number, y: number, step: number) => T,
  ) => {
    for (let i = 0, at = 0; i < lefts.length; i++) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++, at++) {
          const x = (lefts[i] as number) * rows * inner + r * inner
          data[at] = dot(x, (rights[i] as number) * inner * columns + c, columns)
        }
      }
    }
  }

  if (isBig(dataType)) {
    const [x, y] = [elementsOf(a) as BigInts, elementsOf(b) as BigInts]
    const data = elements(dataType, count) as BigInts
    fill(data, (i, j, step) => {
      let sum = 0n
      for (let k = 0; k < inner; k++) sum += (x[i + k] as bigint) * (y[j + k * step] as bigint)
      return sum
    })
    return result(dataType, shape, data)
  }
  const [x, y] = [numbersOf(a), numbersOf(b)]
  if (isFloat(dataType)) {
    // Models that only want to take time multiply by unit matrices.
    if (b.shape.length === 2 && isUnit(y, inner, columns) && isPlain(x)) return a
    // Summed in double precision and rounded once.
    const data = numbers(dataType, count)
    fill(data, (i, j, step) => {
      let sum = 0
      for (let k = 0; k < inner; k++) sum += (x[i + k] as number) * (y[j + k * step] as number)
      return sum
    })
    return fromNumbers(dataType, shape, data)
  }
  const data = elements(dataType, count) as Numbers
  fill(data, (i, j, step) => {
    let sum = 0
    for (let k = 0; k < inner; k++) sum = (sum + Math.imul(x[i + k] as number, y[j + k * step] as number)) | 0
    return sum
  })
  return result(dataType, shape, data)
}

/** Neither infinite nor NaN nor -0, of which a sum with zeros would make something else. */
function isPlain(values: Numbers): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (!Number.isFinite(value) || Object.is(value, -0)) return false
  }
  return true
}

function isUnit(matrix: Numbers, rows: number, columns: number): boolean {
  if (rows !== columns) return false
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) if (matrix[r * columns + c] !== (r === c ? 1 : 0)) return false
  }
  return true
}

function transposed(matrix: Tensor): Tensor {
  const [rows = 0, columns = 0] = matrix.shape
  const source = elementsOf(matrix)
  const data = elements(matrix.dataType, rows * columns)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) data[c * rows + r] = source[r * columns + c] as number
  }
  return result(matrix.dataType, [columns, rows], data)
}

function scale(operands: Operands, operand: Tensor, factor: number): Tensor {
  if (factor === 1) return operand
  const { dataType } = operand
  if (!isFloat(dataType)) throw operands.refused(dataType, 'takes no alpha or beta beside 1 for')
  return combine('Mul', operand, fromNumbers(dataType, [], new Float64Array([factor])))
}

function combine(operator: 'Add' | 'Mul', a: Tensor, b: Tensor): Tensor {
  return (elementwise[operator] as Operator).evaluate(new Operands('Gemm', [a, b]), {})
}
