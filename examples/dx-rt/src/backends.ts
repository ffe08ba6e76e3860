import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { type MockConfig, mock } from '@xpu-hal/backend-mock'
import { npu, referenceLibrary } from '@xpu-hal/backend-npu'
import { ort } from '@xpu-hal/backend-ort'
import type { BackendSource } from '@xpu-hal/core'

export const BACKENDS = ['mock', 'ort', 'npu'] as const
export type BackendName = (typeof BACKENDS)[number]

/** A simulated NPU has three cores, and a run takes 10 ms of one unless `simulated` says otherwise. */
export function makeBackend(name: BackendName, simulated: MockConfig): BackendSource {
  switch (name) {
    case 'mock':
      return mock({ cores: 3, computeMs: 10, ...simulated })
    case 'ort':
      return ort()
    case 'npu':
      // Its cores are instances of the runtime, here as many as this machine can serve.
      return npu({ ...referenceRuntime(), instances: Math.min(availableParallelism(), 3) })
  }
}

/** The OAAX runtime that comes with the backend, over the library that onnxruntime-node brings. */
function referenceRuntime() {
  const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const folder = join(onnxruntime, 'bin', 'napi-v6', process.platform, process.arch)
  return { library: referenceLibrary(), args: { ort_library: join(folder, 'libonnxruntime.so.1') } }
}
