import { type Tensor, tensor } from '@xpu-hal/core'
import { encodeModel, type OnnxNode } from '@xpu-hal/onnx'

export const SCORES = 10
const FLOAT = 1
/** Layers take these weights in turn, which keeps the file small. */
const DISTINCT = 4

/** Scores a picture: bytes `pixels` [1, side, side] to `scores` [1, 10], through layers of side x side weights. */
export function pictureScorer(side: number, layers: number): Uint8Array {
  const nodes: OnnxNode[] = [
    { op: 'Cast', inputs: ['pixels'], outputs: ['values'], attributes: { to: { int: FLOAT } } },
    { op: 'Reshape', inputs: ['values', 'matrix'], outputs: ['h0'] },
  ]
  for (let i = 0; i < layers; i++) {
    nodes.push({ op: 'MatMul', inputs: [`h${i}`, `w${i % DISTINCT}`], outputs: [`m${i}`] })
    nodes.push({ op: 'Relu', inputs: [`m${i}`], outputs: [`h${i + 1}`] })
  }
  nodes.push({ op: 'ReduceSum', inputs: [`h${layers}`, 'rows'], outputs: ['sum'] })
  nodes.push({ op: 'MatMul', inputs: ['sum', 'head'], outputs: ['scores'] })
  const stack = Array.from({ length: DISTINCT }, (_, i) => [`w${i}`, weights(side, side, i)] as const)
  return encodeModel({
    opset: 13,
    graph: {
      name: 'picture-scorer',
      inputs: [{ name: 'pixels', dataType: 'uint8', shape: [1, side, side] }],
      outputs: [{ name: 'scores', dataType: 'float32', shape: [1, SCORES] }],
      initializers: {
        ...Object.fromEntries(stack),
        head: weights(side, SCORES, DISTINCT),
        matrix: tensor('int64', [2], [BigInt(side), BigInt(side)]),
        rows: tensor('int64', [1], [0n]),
      },
      nodes,
    },
  })
}

/** The same ones every time, spread so that values neither grow nor vanish from layer to layer. */
function weights(rows: number, columns: number, seed: number): Tensor {
  const values = tensor('float32', [rows, columns])
  const spread = 2 * Math.sqrt(6 / rows)
  for (let i = 0; i < values.data.length; i++) {
    const noise = Math.sin(12.9898 * i + 78.233 * seed) * 43_758.5453
    values.data[i] = (noise - Math.floor(noise) - 0.5) * spread
  }
  return values
}
