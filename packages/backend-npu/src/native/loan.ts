import { bytesPerElement, type NumericDataType, type Tensor, viewData } from '@xpu-hal/core/backend'
import koffi from 'koffi'
import type { Pointer } from './calls.js'
import { free } from './libc.js'

/** A tensor in a block of the C allocator, which who takes the loan owns. Survives structured cloning. */
export interface Loan {
  readonly dataType: NumericDataType
  readonly shape: readonly number[]
  /** Number of elements. */
  readonly count: number
  readonly data: Pointer
}

// An ArrayBuffer on native memory cannot be detached, so nobody can tell when the last reader is gone but the collector.
const owned = new FinalizationRegistry<Pointer>(free)

/** A tensor that looks at the memory of the loan, which is freed when its ArrayBuffer is collected. */
export function borrow({ dataType, shape, count, data }: Loan): Tensor {
  const bytes = count * bytesPerElement(dataType)
  if (bytes === 0) {
    free(data)
    return { dataType, shape, data: viewData(dataType, new ArrayBuffer(0), 0, 0) }
  }
  const buffer = koffi.view(data, bytes)
  owned.register(buffer, data)
  return { dataType, shape, data: viewData(dataType, buffer, 0, count) }
}
