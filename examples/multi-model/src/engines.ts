import { type MockBackend, mock } from '@xpu-hal/backend-mock'
import { ort } from '@xpu-hal/backend-ort'
import type { BackendSource, Engine, EngineOptions, Hal } from '@xpu-hal/core'
import type { BackendName } from './arguments.js'
import { neighbours, normaliser, segments, tableNormaliser } from './models.js'

export interface MadeBackend {
  readonly source: BackendSource
  /** Where faults are injected, with the mock. */
  readonly mock?: MockBackend
}

/** A simulated core takes 2 ms for a run, and 0.05 ms more for each picture in it. */
export function makeBackend(name: BackendName): MadeBackend {
  if (name === 'ort') return { source: ort() }
  const made = mock({ cores: 3, computeMs: 2, computeMsPerRow: 0.05 })
  return { source: made, mock: made }
}

const MODELS = {
  // The mock has no Gather, and computes in JavaScript.
  ort: { normaliser: tableNormaliser, neighbours: () => neighbours(400), segments },
  mock: { normaliser, neighbours: () => neighbours(9), segments },
}

export type ModelName = keyof (typeof MODELS)[BackendName]
export type Engines = Readonly<Record<ModelName, Engine>>

export function openModel(
  hal: Hal,
  backend: BackendName,
  name: ModelName,
  options: EngineOptions = {},
): Promise<Engine> {
  return hal.openEngine({ name, bytes: MODELS[backend][name]() }, { devices: [backend], ...options })
}

/** An engine for each model. Nothing is said of workers and threads: each gets what suits its device. */
export async function openAll(hal: Hal, backend: BackendName): Promise<Engines> {
  const [normaliser, neighbours, segments] = await Promise.all([
    openModel(hal, backend, 'normaliser'),
    openModel(hal, backend, 'neighbours'),
    openModel(hal, backend, 'segments'),
  ])
  return { normaliser, neighbours, segments }
}
