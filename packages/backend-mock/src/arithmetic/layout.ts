import type { Tensor } from '@xpu-hal/core/backend'
import { integer, integerList, type Operands, type Operator } from './operator.js'
import { axisOf, broadcastShape, broadcastStrides, countOf, positions, stridesOf } from './shape.js'
import { elements, elementsOf, pick, result } from './values.js'

/** Operators that only move elements: they take every type. */
export const layout: Readonly<Record<string, Operator>> = {
  Identity: { attributes: [], evaluate: (operands) => operands.at(0) },

  Reshape: {
    attributes: ['allowzero'],
    evaluate(operands, { allowzero }) {
      const data = operands.at(0)
      const wanted = operands.integers(1)
      if (wanted === undefined) throw operands.invalid('input 1, the shape, is missing')
      const shape = wanted.map((dimension, i) =>
        dimension === 0 && integer(allowzero, 0) === 0 ? (data.shape[i] ?? 0) : dimension,
      )
      const open = shape.indexOf(-1)
      if (open >= 0) {
        const known = countOf(shape.filter((_, i) => i !== open))
        shape[open] = known === 0 ? 0 : countOf(data.shape) / known
      }
      return reshaped(operands, data, shape)
    },
  },

  Flatten: {
    attributes: ['axis'],
    evaluate(operands, { axis }) {
      const data = operands.at(0)
      const given = integer(axis, 1)
      const at = given < 0 ? given + data.shape.length : given
      if (at < 0 || at > data.shape.length) throw operands.invalid(`axis ${given} is out of range`)
      return reshaped(operands, data, [countOf(data.shape.slice(0, at)), countOf(data.shape.slice(at))])
    },
  },

  Transpose: {
    attributes: ['perm'],
    evaluate(operands, { perm }) {
      const data = operands.at(0)
      const order = integerList(perm) ?? data.shape.map((_, i) => data.shape.length - 1 - i)
      const strides = stridesOf(data.shape)
      if (!data.shape.every((_, i) => order.includes(i)) || order.length !== data.shape.length) {
        throw operands.invalid(`perm [${order.join(', ')}] does not order ${data.shape.length} dimensions`)
      }
      const shape = order.map((i) => data.shape[i] as number)
      return pick(
        data,
        shape,
        positions(
          shape,
          order.map((i) => strides[i] as number),
        ),
      )
    },
  },

  Expand: {
    attributes: [],
    evaluate(operands) {
      const data = operands.at(0)
      const wanted = operands.integers(1)
      if (wanted === undefined) throw operands.invalid('input 1, the shape, is missing')
      const shape = broadcastShape(data.shape, wanted)
      if (shape === undefined) {
        throw operands.invalid(`shape [${data.shape.join(', ')}] does not expand to [${wanted.join(', ')}]`)
      }
      return pick(data, shape, positions(shape, broadcastStrides(data.shape, shape)))
    },
  },

  Concat: {
    attributes: ['axis'],
    evaluate: (operands, { axis }) => concat(operands, integer(axis, 0)),
  },
}

function reshaped(operands: Operands, data: Tensor, shape: readonly number[]): Tensor {
  if (
    shape.some((dimension) => !Number.isInteger(dimension) || dimension < 0) ||
    countOf(shape) !== data.data.length
  ) {
    throw operands.invalid(`[${data.shape.join(', ')}] cannot become [${shape.join(', ')}]`)
  }
  return { ...data, shape }
}

function concat(operands: Operands, axis: number): Tensor {
  const parts = operands.all
  const first = operands.at(0)
  const at = axisOf(axis, first.shape.length)
  if (at === undefined) throw operands.invalid(`axis ${axis} is out of range for rank ${first.shape.length}`)
  for (const { dataType, shape } of parts) {
    const fits =
      shape.length === first.shape.length &&
      shape.every((dimension, i) => i === at || dimension === first.shape[i])
    if (dataType !== first.dataType || !fits) throw operands.invalid('the inputs differ in type or shape')
  }
  const shape = first.shape.with(
    at,
    parts.reduce((sum, part) => sum + (part.shape[at] as number), 0),
  )
  const data = elements(first.dataType, countOf(shape))
  const rows = countOf(shape.slice(0, at))
  const row = countOf(shape.slice(at))
  let column = 0
  for (const part of parts) {
    const source = elementsOf(part)
    const width = countOf(part.shape.slice(at))
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < width; i++) data[r * row + column + i] = source[r * width + i] as number
    }
    column += width
  }
  return result(first.dataType, shape, data)
}
