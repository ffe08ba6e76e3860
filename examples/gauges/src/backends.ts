import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { mock } from '@xpu-hal/backend-mock'
import { npu, referenceLibrary } from '@xpu-hal/backend-npu'
import { ort } from '@xpu-hal/backend-ort'
import type { BackendSource } from '@xpu-hal/core'

export const BACKENDS = ['ort', 'mock', 'npu'] as const
export type BackendName = (typeof BACKENDS)[number]

/** `cores` of an accelerator: `mock` simulates some on which a run takes 40 ms, `npu` starts an instance for each. */
export function chooseBackend(name: BackendName, cores: number): BackendSource {
  switch (name) {
    case 'ort':
      return ort()
    case 'mock':
      return mock({ cores, computeMs: 40 })
    case 'npu':
      return npu({ ...referenceRuntime(), instances: cores })
  }
}

/** The OAAX runtime that comes with the backend, over the library that onnxruntime-node brings. */
function referenceRuntime() {
  const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const folder = join(onnxruntime, 'bin', 'napi-v6', process.platform, process.arch)
  return { library: referenceLibrary(), args: { ort_library: join(folder, 'libonnxruntime.so.1') } }
}
