import { broadcast } from './elementwise.js'
import type { Operator } from './operator.js'
import { countOf } from './shape.js'
import { elements, type Numbers, result } from './values.js'

export const logic: Readonly<Record<string, Operator>> = {
  And: binary((a, b) => a & b),
  Or: binary((a, b) => a | b),
  Xor: binary((a, b) => a ^ b),
  Not: {
    attributes: [],
    evaluate(operands) {
      const { dataType, shape, data } = operands.at(0)
      if (dataType !== 'bool') throw operands.refused(dataType)
      return result(
        'bool',
        shape,
        Uint8Array.from(data as Uint8Array, (a) => 1 - a),
      )
    },
  },
}

function binary(operation: (a: number, b: number) => number): Operator {
  return {
    attributes: [],
    evaluate(operands) {
      const [a, b] = [operands.at(0), operands.at(1)]
      if (a.dataType !== 'bool') throw operands.refused(a.dataType)
      const { shape, left, right } = broadcast(operands, a, b)
      const [x, y] = [a.data as Numbers, b.data as Numbers]
      const data = elements('bool', countOf(shape)) as Numbers
      for (let i = 0; i < data.length; i++) data[i] = operation(x[left(i)] as number, y[right(i)] as number)
      return result('bool', shape, data)
    },
  }
}
