import type { NumericData, NumericDataType, Tensor } from '@xpu-hal/core/backend'
import type { RunnerAnswer, RunnerCall } from '../runner.js'
import { stringBytes } from '../string.js'
import type { Place } from './message.js'

/** Data that the runner allocated, where main sees it: on a SharedArrayBuffer, or at its address in mapped memory. */
export type SharedOutput = NumericData | Place

export type OutputMessage =
  | { readonly dataType: 'string'; readonly shape: readonly number[]; readonly data: readonly string[] }
  | { readonly dataType: NumericDataType; readonly shape: readonly number[]; readonly data: SharedOutput }

/** `null` stands for the tensor of the request. */
export interface OutputsMessage {
  readonly outputs: readonly (OutputMessage | null)[]
  readonly outputNames?: readonly string[]
  readonly loan?: unknown
}

/**
 * What a worker has to send of the outputs: nothing when every one is the tensor of the call, whose memory main sees
 * itself. Bytes: copied to where main sees them, and of strings.
 */
export function packOutputs(
  call: RunnerCall,
  { outputs, outputNames, loan }: RunnerAnswer,
  share: (outputs: readonly Tensor[]) => readonly SharedOutput[],
): { readonly packed?: OutputsMessage; readonly bytesCopied: number } {
  const names = outputNames && { outputNames }
  if (loan !== undefined) return { packed: { outputs: [], ...names, loan }, bytesCopied: 0 }
  const asGiven = (output: Tensor, i: number) => output === call.outputs[i] && output.dataType !== 'string'
  if (outputNames === undefined && outputs.length === call.outputs.length && outputs.every(asGiven)) {
    return { bytesCopied: 0 }
  }
  const own = outputs.filter((output, i) => output.dataType !== 'string' && !asGiven(output, i))
  const shared = share(own)
  let bytesCopied = 0
  const sent = outputs.map((output, i): OutputMessage | null => {
    const { dataType, shape } = output
    if (dataType === 'string') {
      bytesCopied += stringBytes(output)
      return { dataType, shape, data: output.data as string[] }
    }
    if (asGiven(output, i)) return null
    const data = shared[own.indexOf(output)] as SharedOutput
    if (data !== output.data) bytesCopied += (output.data as NumericData).byteLength
    return { dataType: dataType as NumericDataType, shape, data }
  })
  return { packed: { outputs: sent, ...names }, bytesCopied }
}

/**
 * The outputs of a run as main gives them back. Strings land in the tensor of the request where there is one.
 * @param receive takes data that the runner allocated
 */
export function unpackOutputs(
  given: readonly (Tensor | undefined)[],
  packed: readonly (OutputMessage | null)[],
  receive: (dataType: NumericDataType, data: SharedOutput) => NumericData,
): Tensor[] {
  return packed.map((output, i) => {
    const target = given[i]
    if (output === null) return target as Tensor
    const { dataType, shape } = output
    if (dataType !== 'string') return { dataType, shape, data: receive(dataType, output.data) }
    const texts = output.data
    const fits = target?.shape.join() === shape.join() && target.data.length === texts.length
    if (target?.dataType !== 'string' || !fits) return { dataType, shape, data: texts as string[] }
    for (let k = 0; k < texts.length; k++) (target.data as string[])[k] = texts[k] as string
    return target
  })
}
