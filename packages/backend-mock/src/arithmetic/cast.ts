import { type DataType, fromOnnxType, type Tensor } from '@xpu-hal/core/backend'
import { type Operands, type Operator, unsupported } from './operator.js'
import {
  elements,
  elementsOf,
  fromNumbers,
  isBig,
  isFloat,
  type Numbers,
  numbersOf,
  result,
} from './values.js'

export const cast: Readonly<Record<string, Operator>> = {
  Cast: {
    // `saturate` concerns 8-bit floats alone, which the mock does not take.
    attributes: ['to', 'saturate'],
    evaluate(operands, { to }) {
      const dataType = fromOnnxType(Number(to))
      if (dataType === undefined) throw unsupported(`operator Cast to the ONNX type ${String(to)}`)
      return convert(operands, operands.at(0), dataType)
    },
  },
}

function convert(operands: Operands, operand: Tensor, to: DataType): Tensor {
  const { dataType: from, shape } = operand
  if (from === to) return operand
  if (from === 'string') return parse(operands, operand, to)
  if (to === 'string') {
    // How a float is written is not fixed by the standard.
    if (isFloat(from) || from === 'bool') throw operands.refused(from, 'is not computed to string from')
    return result('string', shape, Array.from(elementsOf(operand) as ArrayLike<number | bigint>, String))
  }
  const count = operand.data.length
  if (isBig(from)) {
    const source = elementsOf(operand) as BigInt64Array
    if (isBig(to)) return result(to, shape, copy(source, elements(to, count) as BigInt64Array))
    if (to === 'bool')
      return result(
        to,
        shape,
        Uint8Array.from(source, (value) => (value === 0n ? 0 : 1)),
      )
    const low = isFloat(to) ? (value: bigint) => value : (value: bigint) => BigInt.asIntN(32, value)
    return fromNumbers(
      to,
      shape,
      Float64Array.from(source, (value) => Number(low(value))),
    )
  }
  const source = numbersOf(operand)
  if (to === 'bool')
    return result(
      to,
      shape,
      Uint8Array.from(source, (value) => (value === 0 ? 0 : 1)),
    )
  // NaN and infinity have no integer; they become 0, as when a number is stored in one of the narrower types.
  if (isBig(to)) {
    const whole = BigInt64Array.from(source, (value) =>
      Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n,
    )
    return result(to, shape, to === 'int64' ? whole : copy(whole, elements(to, count) as BigInt64Array))
  }
  return fromNumbers(to, shape, Float64Array.from(source))
}

function copy(from: BigInt64Array, to: BigInt64Array): BigInt64Array {
  for (let i = 0; i < from.length; i++) to[i] = from[i] as bigint
  return to
}

const words: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '+inf': Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
}

function parse(operands: Operands, operand: Tensor, to: DataType): Tensor {
  const texts = operand.data as string[]
  if (to === 'bool') throw operands.refused('string', 'is not computed to bool from')
  if (isBig(to)) {
    const data = elements(to, texts.length)
    for (let i = 0; i < texts.length; i++) {
      const text = (texts[i] as string).trim()
      if (!/^[+-]?\d+$/.test(text)) throw operands.invalid(`"${text}" is not an integer`)
      data[i] = BigInt(text.replace(/^\+/, ''))
    }
    return result(to, operand.shape, data)
  }
  const parsed: Numbers = Float64Array.from(texts, (text) => {
    const value = words[text.trim().toLowerCase()] ?? (text.trim() === '' ? Number.NaN : Number(text))
    if (Number.isNaN(value) && text.trim().toLowerCase() !== 'nan') {
      throw operands.invalid(`"${text}" is not a number`)
    }
    return value
  })
  return fromNumbers(to, operand.shape, parsed)
}
