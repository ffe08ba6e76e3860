import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type InterfaceForm, referenceLibrary } from '@xpu-hal/backend-npu'
import { HalError } from '@xpu-hal/core'

const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))

/** What the reference runtime computes with. */
export const ort_library = join(
  onnxruntime,
  'bin',
  'napi-v6',
  process.platform,
  process.arch,
  'libonnxruntime.so.1',
)

/** The reference runtime; `undefined`, with the reason printed, where it is not built. */
export function reference(form?: InterfaceForm): string | undefined {
  try {
    return referenceLibrary(form)
  } catch (error) {
    if (!HalError.isInstance(error)) throw error
    console.log(`skipped: ${error.message}`)
    return undefined
  }
}
