import { tensor } from '@xpu-hal/core'
import { encodeModel, type OnnxAttribute, type OnnxNode } from '@xpu-hal/onnx'

const SIDE = 224
/** Cells in which the colour of the needle is added up, across and down. */
const CELLS = 14

/** The parts of the dial clockwise from the top, in the order of the model's classes. */
export const CLASSES = ['top right', 'bottom right', 'bottom left', 'top left'] as const

/**
 * A model that tells in which quarter of a dial its red needle is: `image-` float32 [1,224,224,3], pixel = value / 127.5 - 1,
 * to scores [1,4], one for each class, 1 together.
 *
 * Red is added up in 14 x 14 cells, each unit of a hidden layer adds up the cells of one quarter, and each class adds up
 * its units. More units make the model heavier (784 bytes each) and do not change what it says.
 */
export function gaugeModel(units: number): Uint8Array {
  const redness = tensor('float32', [3, 1], [1, -0.5, -0.5])
  const toUnits = tensor('float32', [CELLS ** 2, units])
  const toClasses = tensor('float32', [units, CLASSES.length])
  toUnits.data.forEach((_, i) => {
    toUnits.data[i] = quarterOf(Math.floor(i / units)) === (i % units) % CLASSES.length ? 1 : 0
  })
  toClasses.data.forEach((_, i) => {
    const unit = Math.floor(i / CLASSES.length)
    toClasses.data[i] = unit % CLASSES.length === i % CLASSES.length ? CLASSES.length / units : 0
  })
  const scores = `scores-${CLASSES.map((name, i) => `${i}:${name}`).join(';')}`
  const cell = SIDE / CELLS
  return encodeModel({
    opset: 17,
    graph: {
      name: 'gauge',
      inputs: [{ name: 'image-', dataType: 'float32', shape: [1, SIDE, SIDE, 3] }],
      outputs: [{ name: scores, dataType: 'float32', shape: [1, CLASSES.length] }],
      initializers: {
        ...{ redness, toUnits, toClasses },
        grid: int64([CELLS, cell, CELLS, cell]),
        withinCells: int64([1, 3]),
        row: int64([1, CELLS ** 2]),
        a_little: tensor('float32', [1], [0.001]),
        classes: int64([1]),
      },
      nodes: [
        node('MatMul', ['image-', 'redness'], 'red'),
        node('Relu', ['red'], 'needle'),
        node('Reshape', ['needle', 'grid'], 'pieces'),
        node('ReduceSum', ['pieces', 'withinCells'], 'cells', { keepdims: { int: 0 } }),
        node('Reshape', ['cells', 'row'], 'seen'),
        node('MatMul', ['seen', 'toUnits'], 'sums'),
        node('Relu', ['sums'], 'units'),
        node('MatMul', ['units', 'toClasses'], 'quarters'),
        // Where there is no red at all, every class is as likely.
        node('Add', ['quarters', 'a_little'], 'shares'),
        node('ReduceSum', ['shares', 'classes'], 'all', { keepdims: { int: 1 } }),
        node('Div', ['shares', 'all'], scores),
      ],
    },
  })
}

/** Class of the quarter in which a cell lies. */
function quarterOf(cell: number): number {
  const right = cell % CELLS >= CELLS / 2
  const bottom = Math.floor(cell / CELLS) >= CELLS / 2
  return right ? Number(bottom) : bottom ? 2 : 3
}

function int64(values: readonly number[]) {
  return tensor('int64', [values.length], values.map(BigInt))
}

function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): OnnxNode {
  return { op, inputs, outputs: [output], attributes }
}
