import { HalError } from '../errors.js'
import type { TensorInfo } from '../model.js'
import { suggest } from '../suggest.js'
import { byteLength, checkShape, type DataType, type Tensor } from '../tensor.js'
import { describe, shapeFits } from '../tensor-check.js'

/** A tensor for the input or output of that name, which `make` takes from wherever its memory is. */
export function allocate(
  infos: readonly TensorInfo[],
  name: string,
  shape: readonly number[] | undefined,
  make: (dataType: DataType, shape: readonly number[]) => Tensor,
): Tensor {
  const info = infos.find((candidate) => candidate.name === name)
  if (info === undefined) {
    const known = suggest(
      String(name),
      infos.map((candidate) => candidate.name),
    )
    throw new HalError('HAL_INVALID_ARGUMENT', `the model has no input or output '${String(name)}'; ${known}`)
  }
  if (shape !== undefined) checkShape(shape, `'${name}'`)
  const wanted = shape ?? info.shape
  const declared = describe(info.dataType, info.shape)
  if (wanted.includes(-1)) {
    throw new HalError('HAL_INVALID_ARGUMENT', `'${name}' is ${declared}: pass a shape to allocate it`)
  }
  if (!shapeFits(wanted, info.shape)) {
    throw new HalError('HAL_INVALID_ARGUMENT', `'${name}' is ${declared}, not [${wanted.join(', ')}]`)
  }
  return make(info.dataType, wanted)
}

/** Bytes of all of them together; `undefined` when a shape is dynamic, strings are among them, or none is known. */
export function totalSize(infos: readonly TensorInfo[]): number | undefined {
  let total = 0
  for (const { dataType, shape } of infos) {
    const size = byteLength(dataType, shape)
    if (size === undefined) return undefined
    total += size
  }
  return infos.length === 0 ? undefined : total
}
