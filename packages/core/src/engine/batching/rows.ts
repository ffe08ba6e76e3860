import type { EngineDriver } from '../../backend.js'
import { HalError } from '../../errors.js'
import { elementCount, type NumericData, type Tensor } from '../../tensor.js'
import { describe } from '../../tensor-check.js'

/** @throws HalError HAL_INVALID_ARGUMENT unless rows of the model can be joined and told apart again */
export function checkBatchable({ inputs, outputs }: EngineDriver): void {
  if (inputs.length === 0 || outputs.length === 0) {
    throw refusal('the runtime does not tell the inputs and outputs of this one')
  }
  for (const [kind, infos] of [['input', inputs] as const, ['output', outputs] as const]) {
    const fixed = infos.find(({ shape }) => shape[0] !== -1)
    if (fixed === undefined) continue
    throw refusal(`${kind} '${fixed.name}' is ${describe(fixed.dataType, fixed.shape)}`)
  }
}

function refusal(fault: string): HalError {
  const wanted = "option 'batching' needs a model whose inputs and outputs all have an open first dimension"
  return new HalError('HAL_INVALID_ARGUMENT', `${wanted}; ${fault}`)
}

/** The rows of a request. @throws HalError HAL_INVALID_ARGUMENT when its inputs do not agree, or have none */
export function rowsOf(inputs: readonly Tensor[], names: readonly string[]): number {
  const [rows = 0] = inputs.map(({ shape }) => shape[0] as number)
  const other = inputs.findIndex(({ shape }) => shape[0] !== rows)
  if (other >= 0) {
    const message = `with batching all inputs have as many rows: '${names[0]}' has ${rows}, '${names[other]}' ${inputs[other]?.shape[0]}`
    throw new HalError('HAL_INVALID_ARGUMENT', message)
  }
  if (rows === 0)
    throw new HalError('HAL_INVALID_ARGUMENT', `with batching '${names[0]}' needs a row at least`)
  return rows
}

/** What has to be the same for rows to be joined: the shapes of the rows. */
export function kindOf(inputs: readonly Tensor[]): string {
  return inputs.map(({ shape }) => shape.slice(1).join('x')).join(',')
}

/** Copies rows of one tensor into another whose rows are alike, and gives the number of bytes. */
export function copyRows(from: Tensor, fromRow: number, to: Tensor, toRow: number, rows: number): number {
  const size = elementCount(from.shape.slice(1)) as number
  const begin = fromRow * size
  const end = begin + rows * size
  if (from.dataType === 'string') {
    const strings = (from.data as string[]).slice(begin, end)
    for (const [i, text] of strings.entries()) (to.data as string[])[toRow * size + i] = text
    return strings.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  }
  const source = bytesOf(from.data as NumericData, begin, end)
  bytesOf(to.data as NumericData, toRow * size, toRow * size + rows * size).set(source)
  return source.byteLength
}

/** As bytes, because a float16 may come as raw bits where the platform has a Float16Array. */
function bytesOf(data: NumericData, begin: number, end: number): Uint8Array {
  const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = data
  return new Uint8Array(buffer, byteOffset + begin * size, (end - begin) * size)
}
