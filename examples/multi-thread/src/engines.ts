import type { Engine, EngineOptions, Hal } from '@xpu-hal/core'
import type { BackendName } from '@xpu-hal/example-gauges'

/** `count` engines for one model: clones of the first, or each opened by itself. */
export async function openEngines(
  hal: Hal,
  model: string,
  { backend, count, cloned }: { backend: BackendName; count: number; cloned: boolean },
): Promise<Engine[]> {
  // The threads are what runs at the same time: on a CPU each engine computes in one of its own.
  const options: EngineOptions = backend === 'ort' ? { workers: 1, threadsPerWorker: 1 } : {}
  const first = await hal.openEngine(model, options)
  const engines = [first]
  while (engines.length < count) {
    engines.push(await (cloned ? first.clone() : hal.openEngine(model, options)))
  }
  return engines
}
