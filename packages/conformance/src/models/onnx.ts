import { encodeModel } from '@xpu-hal/onnx'
import { model } from './index.js'
import type { ConformanceModel, ModelName } from './model.js'

/** All operators of the suite exist in it, for all data types. */
const OPSET = 13

function encode({ name, inputs, outputs, nodes }: Omit<ConformanceModel, 'sample'>): Uint8Array {
  const value = (info: ConformanceModel['inputs'][number]) => ({
    ...info,
    shape: info.shape.map((dimension) => (dimension === -1 ? '' : dimension)),
  })
  return encodeModel({
    opset: OPSET,
    producer: 'xpu-hal conformance',
    graph: { name, inputs: inputs.map(value), outputs: outputs.map(value), nodes },
  })
}

/** A model of the suite as an ONNX file. */
export function modelBytes(name: ModelName): Uint8Array {
  return encode(model(name))
}

/**
 * An ONNX file with the inputs, outputs and answers of `name` (one that answers `x` with `x`) that asks nothing of the
 * device: for devices whose working time is set in another way.
 */
export function standInBytes(name: 'mid' | 'slow'): Uint8Array {
  return encode({ ...model(name), nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }] })
}
