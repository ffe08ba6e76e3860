// Writes a model to the file given: y = table[indices], with float32 table [10,20,30,40] and int64 indices [n]. An index
// outside -4..3 fails when it runs, not before.
import { writeFileSync } from 'node:fs'
import { tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'

const model = {
  opset: 13,
  graph: {
    name: 'gather',
    inputs: [{ name: 'indices', dataType: 'int64', shape: ['n'] }],
    outputs: [{ name: 'y', dataType: 'float32', shape: ['n'] }],
    initializers: { table: tensor('float32', [4], [10, 20, 30, 40]) },
    nodes: [{ op: 'Gather', inputs: ['table', 'indices'], outputs: ['y'] }],
  },
}
writeFileSync(process.argv[2], encodeModel(model))
