import { tensor } from '@xpu-hal/core'
import { encodeModel, type OnnxGraph } from '@xpu-hal/onnx'
import { DIGITS, drawSample, PIXELS, SEGMENT_COUNT, segmentMask } from './digits.js'

// Numbers that ONNX has for data types.
const FLOAT = 1
const INT32 = 6

// All of them take as many pictures at once as there are rows. ONNX has no name for the number, so it is a symbol.
const ROWS = 'rows'
const features = { name: 'features', dataType: 'float32', shape: [ROWS, PIXELS] } as const
const scores = { name: 'scores', dataType: 'float32', shape: [ROWS, DIGITS.length] } as const

const MEAN = 110
const SCALE = 64
/** The brightest level that there is in video. */
export const WHITE = 235

export const normalise = (level: number) => (level - MEAN) / SCALE

const pixels = { name: 'pixels', dataType: 'uint8', shape: [ROWS, PIXELS] } as const

/** `pixels` [rows, 256] to `features` [rows, 256], around 0 and about 1 in size, by arithmetic. */
export function normaliser(): Uint8Array {
  return model({
    name: 'normaliser',
    inputs: [pixels],
    outputs: [features],
    initializers: { mean: floats([1], [MEAN]), scale: floats([1], [SCALE]) },
    nodes: [
      { op: 'Cast', inputs: ['pixels'], outputs: ['values'], attributes: { to: { int: FLOAT } } },
      { op: 'Sub', inputs: ['values', 'mean'], outputs: ['centred'] },
      { op: 'Div', inputs: ['centred', 'scale'], outputs: ['features'] },
    ],
  })
}

/** The same by a table of the levels from 0 to {@link WHITE}: a brighter one fails the run. */
export function tableNormaliser(): Uint8Array {
  const levels = Array.from({ length: WHITE + 1 }, (_, level) => normalise(level))
  return model({
    name: 'normaliser',
    inputs: [pixels],
    outputs: [features],
    initializers: { levels: floats([levels.length], levels) },
    nodes: [
      { op: 'Cast', inputs: ['pixels'], outputs: ['positions'], attributes: { to: { int: INT32 } } },
      { op: 'Gather', inputs: ['levels', 'positions'], outputs: ['features'] },
    ],
  })
}

/** `features` to `scores` [rows, 10]: how near the nearest of `samples` pictures of each digit is. */
export function neighbours(samples: number): Uint8Array {
  const pictures = DIGITS.flatMap((_, digit) =>
    Array.from({ length: samples }, (_, i) => Array.from(drawSample(digit, i), normalise)),
  )
  // |f - p|^2 is |f|^2 - 2fp + |p|^2, and |f|^2 is the same for all of them.
  const products = floats([PIXELS, pictures.length])
  pictures.forEach((picture, column) => {
    picture.forEach((value, row) => {
      products.data[row * pictures.length + column] = 2 * value
    })
  })
  const squares = pictures.map((picture) => picture.reduce((sum, value) => sum + value * value, 0))
  return model({
    name: 'neighbours',
    inputs: [features],
    outputs: [scores],
    initializers: {
      products,
      squares: floats([1, pictures.length], squares),
      groups: tensor('int64', [3], [-1n, BigInt(DIGITS.length), BigInt(samples)]),
    },
    nodes: [
      { op: 'MatMul', inputs: ['features', 'products'], outputs: ['likeness'] },
      { op: 'Sub', inputs: ['likeness', 'squares'], outputs: ['nearness'] },
      { op: 'Reshape', inputs: ['nearness', 'groups'], outputs: ['grouped'] },
      {
        op: 'ReduceMax',
        inputs: ['grouped'],
        outputs: ['scores'],
        attributes: { axes: { ints: [2] }, keepdims: { int: 0 } },
      },
    ],
  })
}

/** `features` to `scores` [rows, 10]: how well the lit segments fit each digit. */
export function segments(): Uint8Array {
  const masks = Array.from({ length: SEGMENT_COUNT }, (_, i) => segmentMask(i))
  const areas = masks.map((mask) => mask.reduce((sum, value) => sum + value, 0))
  const means = Array.from({ length: PIXELS }, (_, pixel) =>
    masks.map((mask, i) => (mask[pixel] ?? 0) / (areas[i] ?? 1)),
  )
  const codes = Array.from({ length: SEGMENT_COUNT }, (_, i) =>
    DIGITS.map((digit) => (digit[i] === '1' ? 1 : -1)),
  )
  return model({
    name: 'segments',
    inputs: [features],
    outputs: [scores],
    initializers: {
      means: floats([PIXELS, SEGMENT_COUNT], means.flat()),
      codes: floats([SEGMENT_COUNT, DIGITS.length], codes.flat()),
      low: floats([1], [-0.5]),
      high: floats([1], [0.5]),
    },
    nodes: [
      { op: 'MatMul', inputs: ['features', 'means'], outputs: ['light'] },
      { op: 'Max', inputs: ['light', 'low'], outputs: ['atLeast'] },
      { op: 'Min', inputs: ['atLeast', 'high'], outputs: ['lit'] },
      { op: 'MatMul', inputs: ['lit', 'codes'], outputs: ['scores'] },
    ],
  })
}

function model(graph: OnnxGraph): Uint8Array {
  return encodeModel({ opset: 13, graph })
}

function floats(shape: readonly number[], values?: readonly number[]) {
  return tensor('float32', shape, values)
}
