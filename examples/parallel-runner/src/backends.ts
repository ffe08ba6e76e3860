import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { type MockBackend, mock } from '@xpu-hal/backend-mock'
import { npu, referenceLibrary } from '@xpu-hal/backend-npu'
import { ort } from '@xpu-hal/backend-ort'
import type { BackendSource } from '@xpu-hal/core'
import type { Arguments } from './arguments.js'

/** Milliseconds of a run on a simulated core. */
const COMPUTE_MS = 40

export interface Chosen {
  readonly backend: BackendSource
  /** Set for the mock: faults are injected there. */
  readonly mock?: MockBackend
}

export function chooseBackend({ backend, model, workers }: Arguments): Chosen {
  switch (backend) {
    case 'ort':
      return { backend: ort() }
    case 'mock': {
      // It computes a few operators only; of another model it simulates the time, and answers zeros.
      const made = mock({
        cores: 3,
        computeMs: COMPUTE_MS,
        arithmetic: model === undefined ? 'exact' : 'zeros',
      })
      return { backend: made, mock: made }
    }
    case 'npu':
      // Each worker is an instance of the runtime.
      return {
        backend: npu({
          ...referenceRuntime(),
          instances: workers === 'auto' ? availableParallelism() : Math.max(workers, 1),
        }),
      }
  }
}

/** The OAAX runtime that comes with the backend, over the library that onnxruntime-node brings. */
function referenceRuntime() {
  const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const folder = join(onnxruntime, 'bin', 'napi-v6', process.platform, process.arch)
  return { library: referenceLibrary(), args: { ort_library: join(folder, 'libonnxruntime.so.1') } }
}
