import { tensor } from '@xpu-hal/core'
import { encodeModel, type OnnxNode } from '@xpu-hal/onnx'

/** Small, repeatable and never zero: no kernel can skip work on them. */
function weights(shape: readonly number[], scale: number, seed = 0) {
  const values = tensor('float32', shape)
  for (let i = 0; i < values.data.length; i++)
    values.data[i] = ((((i + seed) * 2_654_435_761) % 1000) / 1000 - 0.5) * scale
  return values
}

/** A stack of 3x3 convolutions: `image` [1,3,size,size] to `features`; about 2 ms on one core of 2020 and later. */
export function convolutions(size = 48, channels = 32, layers = 9): Uint8Array {
  const nodes: OnnxNode[] = []
  const initializers: Record<string, ReturnType<typeof weights>> = {}
  let from = 'image'
  for (let i = 0; i < layers; i++) {
    initializers[`w${i}`] = weights([channels, i === 0 ? 3 : channels, 3, 3], 0.2)
    nodes.push({
      op: 'Conv',
      inputs: [from, `w${i}`],
      outputs: [`c${i}`],
      attributes: { pads: { ints: [1, 1, 1, 1] }, kernel_shape: { ints: [3, 3] } },
    })
    from = i === layers - 1 ? 'features' : `r${i}`
    nodes.push({ op: 'Relu', inputs: [`c${i}`], outputs: [from] })
  }
  return encodeModel({
    opset: 17,
    graph: {
      name: 'convolutions',
      inputs: [{ name: 'image', dataType: 'float32', shape: [1, 3, size, size] }],
      outputs: [{ name: 'features', dataType: 'float32', shape: [1, channels, size, size] }],
      initializers,
      nodes,
    },
  })
}

/** Six layers of 2048 x 2000 weights, 98 MB in all: `x` [1,2048] to `y`. No two are alike: a runtime could keep one of both. */
export function heavy(): Uint8Array {
  const nodes: OnnxNode[] = []
  const initializers: Record<string, ReturnType<typeof weights>> = {}
  for (let i = 0; i < 6; i++) {
    initializers[`w${i}`] = weights(i % 2 === 0 ? [2048, 2000] : [2000, 2048], 0.01, i)
    nodes.push({
      op: 'MatMul',
      inputs: [i === 0 ? 'x' : `h${i}`, `w${i}`],
      outputs: [i === 5 ? 'y' : `h${i + 1}`],
    })
  }
  return encodeModel({
    opset: 17,
    graph: {
      name: 'heavy',
      inputs: [{ name: 'x', dataType: 'float32', shape: [1, 2048] }],
      outputs: [{ name: 'y', dataType: 'float32', shape: [1, 2048] }],
      initializers,
      nodes,
    },
  })
}

/** The least a model can do: `x` [1] to `y`. */
export function identity(): Uint8Array {
  return encodeModel({
    opset: 17,
    graph: {
      name: 'identity',
      inputs: [{ name: 'x', dataType: 'float32', shape: [1] }],
      outputs: [{ name: 'y', dataType: 'float32', shape: [1] }],
      nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
    },
  })
}

/** Rows that have nothing to do with each other: `x` [n,16] to `y`. */
export function rowByRow(): Uint8Array {
  return encodeModel({
    opset: 17,
    graph: {
      name: 'row-by-row',
      inputs: [{ name: 'x', dataType: 'float32', shape: ['n', 16] }],
      outputs: [{ name: 'y', dataType: 'float32', shape: ['n', 16] }],
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
    },
  })
}
