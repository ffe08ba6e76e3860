import type { Tensor } from '@xpu-hal/core/backend'
import { toHalf } from './float16.js'
import { type AttributeValue, integer, type Operator, unsupported } from './operator.js'
import { countOf } from './shape.js'
import { elements, elementsOf, isBig, result } from './values.js'

/** Operators whose result does not depend on the values of their data inputs. */
export const constants: Readonly<Record<string, Operator>> = {
  Constant: {
    attributes: [
      'value',
      'value_int',
      'value_ints',
      'value_float',
      'value_floats',
      'value_string',
      'value_strings',
    ],
    evaluate(_operands, attributes) {
      if (isTensor(attributes.value)) return attributes.value
      for (const [suffix, dataType] of [
        ['int', 'int64'],
        ['float', 'float32'],
        ['string', 'string'],
      ] as const) {
        const one = attributes[`value_${suffix}`]
        if (one !== undefined) return fill(dataType, [], [one as number])
        const list = attributes[`value_${suffix}s`]
        if (Array.isArray(list)) return fill(dataType, [list.length], list)
      }
      throw unsupported('operator Constant without a dense value')
    },
  },

  ConstantOfShape: {
    attributes: ['value'],
    evaluate(operands, { value }) {
      const shape = operands.integers(0)
      if (shape === undefined) throw operands.invalid('input 0, the shape, is missing')
      if (shape.some((dimension) => dimension < 0)) throw operands.invalid(`shape [${shape.join(', ')}]`)
      if (!isTensor(value)) return result('float32', shape, elements('float32', countOf(shape)))
      const [element = 0] = Array.from(elementsOf(value) as ArrayLike<number>)
      const data = elements(value.dataType, countOf(shape))
      for (let i = 0; i < data.length; i++) data[i] = element
      return result(value.dataType, shape, data)
    },
  },

  EyeLike: {
    attributes: ['k'],
    evaluate(operands, { k }) {
      const { dataType, shape } = operands.at(0)
      const [rows = 0, columns = 0] = shape
      if (shape.length !== 2) throw operands.invalid(`shape [${shape.join(', ')}] is not a matrix`)
      if (dataType === 'string') throw operands.refused(dataType)
      const one = isBig(dataType) ? 1n : dataType === 'float16' ? toHalf(1) : 1
      const data = elements(dataType, rows * columns)
      const first = integer(k, 0)
      for (let r = 0; r < rows; r++) {
        if (r + first >= 0 && r + first < columns) data[r * columns + r + first] = one
      }
      return result(dataType, shape, data)
    },
  },

  Shape: {
    attributes: ['start', 'end'],
    evaluate(operands, { start, end }) {
      const { shape } = operands.at(0)
      const part = shape.slice(integer(start, 0), integer(end, shape.length))
      return fill('int64', [part.length], part)
    },
  },
}

function fill(
  dataType: 'int64' | 'float32' | 'string',
  shape: readonly number[],
  values: readonly unknown[],
): Tensor {
  const data = elements(dataType, values.length)
  for (let i = 0; i < values.length; i++) {
    data[i] = dataType === 'int64' ? BigInt(values[i] as number) : (values[i] as number | string)
  }
  return result(dataType, shape, data)
}

function isTensor(value: AttributeValue | undefined): value is Tensor {
  return typeof value === 'object' && !Array.isArray(value)
}
