import type { Tensor } from '@xpu-hal/core/backend'

/** Bytes of all strings of a tensor in UTF-8; 0 for a tensor of numbers. */
export function stringBytes(tensor: Tensor): number {
  if (tensor.dataType !== 'string') return 0
  let bytes = 0
  for (const text of tensor.data as string[]) bytes += Buffer.byteLength(text)
  return bytes
}
