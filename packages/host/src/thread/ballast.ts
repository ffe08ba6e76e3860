import type { NumericData, Tensor } from '@xpu-hal/core/backend'

/** Below this, the objects around a buffer weigh enough by themselves. */
const MIN_BYTES = 256

const ballast = new WeakMap<ArrayBufferLike, ArrayBufferLike>()

/**
 * Makes the garbage collector of this thread see the size of a SharedArrayBuffer. V8 counts only the memory of plain
 * ArrayBuffers when it decides whether to collect; shared ones it takes for tiny objects, so that gigabytes of dropped
 * tensors pile up. A plain buffer of the same size that lives as long makes up for that. It is never written to, so a
 * large one takes address space but no memory.
 */
export function weigh(buffer: ArrayBufferLike): void {
  if (buffer.byteLength < MIN_BYTES || ballast.has(buffer)) return
  try {
    ballast.set(buffer, Buffer.allocUnsafeSlow(buffer.byteLength).buffer)
  } catch {
    // No address space left: collect later, as without ballast.
  }
}

export function weighTensor(tensor: Tensor): void {
  if (tensor.dataType !== 'string') weigh((tensor.data as NumericData).buffer)
}
