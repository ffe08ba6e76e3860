// Writes two models to the files given. The first: y = table[indices], with float32 table [10,20,30,40] and int64 indices [n]. An index
// outside -4..3 fails when it runs, not before. The second: y = x * x, with float32 x [1,64].
import { writeFileSync } from 'node:fs'
import { tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'

const gather = {
  opset: 13,
  graph: {
    name: 'gather',
    inputs: [{ name: 'indices', dataType: 'int64', shape: ['n'] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: ['n'] }],
    initializers: { table: tensor('float32', [4], [10, 20, 30, 40]) },
    nodes: [{ op: 'Gather', inputs: ['table', 'indices'], outputs: ['y'] }],
  },
}
const square = {
  opset: 13,
  graph: {
    name: 'square',
    inputs: [{ name: 'x', dataType: 'float32', shape: [1, 64] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: [1, 64] }],
    initializers: {},
    nodes: [{ op: 'Mul', inputs: ['x', 'x'], outputs: ['y'] }],
  },
}
writeFileSync(process.argv[2], encodeModel(gather))
writeFileSync(process.argv[3], encodeModel(square))
