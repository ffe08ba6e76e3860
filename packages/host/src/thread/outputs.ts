import {
  bytesPerElement,
  type NumericData,
  type NumericDataType,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import type { RunnerAnswer, RunnerCall } from '../runner.js'
import { stringBytes } from '../string.js'
import { weighTensor } from './ballast.js'

/** `null` stands for the tensor of the request. */
export interface PackedOutputs {
  readonly outputs: readonly (Tensor | null)[]
  readonly outputNames?: readonly string[]
  readonly loan?: unknown
}

/**
 * What a worker has to send of the outputs: nothing when every one is the tensor of the call, whose memory main sees
 * itself. Bytes: copied onto SharedArrayBuffers, and of strings.
 */
export function packOutputs(
  call: RunnerCall,
  { outputs, outputNames, loan }: RunnerAnswer,
): { readonly packed?: PackedOutputs; readonly bytesCopied: number } {
  const names = outputNames && { outputNames }
  if (loan !== undefined) return { packed: { outputs: [], ...names, loan }, bytesCopied: 0 }
  const asGiven = (output: Tensor, i: number) => output === call.outputs[i] && output.dataType !== 'string'
  if (outputNames === undefined && outputs.length === call.outputs.length && outputs.every(asGiven)) {
    return { bytesCopied: 0 }
  }
  let bytesCopied = 0
  const sent = outputs.map((output, i) => {
    if (output.dataType === 'string') {
      bytesCopied += stringBytes(output)
      return { dataType: output.dataType, shape: output.shape, data: output.data }
    }
    if (output === call.outputs[i]) return null
    const shared = ontoShared(output)
    if (shared.data !== output.data) bytesCopied += (output.data as NumericData).byteLength
    weighTensor(shared)
    return shared
  })
  return { packed: { outputs: sent, ...names }, bytesCopied }
}

function ontoShared(output: Tensor): Tensor {
  const { dataType, shape } = output
  const data = output.data as NumericData
  if (data.buffer instanceof SharedArrayBuffer) return { dataType, shape, data }
  const type = dataType as NumericDataType
  const copy = viewData(type, new SharedArrayBuffer(data.length * bytesPerElement(type)), 0, data.length)
  new Uint8Array(copy.buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return { dataType, shape, data: copy }
}

/** The outputs of a run as main gives them back. Strings land in the tensor of the request where there is one. */
export function unpackOutputs(
  given: readonly (Tensor | undefined)[],
  packed: readonly (Tensor | null)[],
): Tensor[] {
  return packed.map((output, i) => {
    const target = given[i]
    if (output === null) return target as Tensor
    weighTensor(output)
    if (target?.dataType !== 'string' || output.dataType !== 'string') return output
    if (target.shape.join() !== output.shape.join()) return output
    const texts = output.data as string[]
    for (let k = 0; k < texts.length; k++) (target.data as string[])[k] = texts[k] as string
    return target
  })
}
