import { HalError } from '@xpu-hal/core/backend'
import type { RunnerModule } from './runner.js'

/**
 * Imports the module of a runner on the calling thread.
 * @throws HalError HAL_INVALID_ARGUMENT when it does not export `load` and `open`; what the module itself throws.
 */
export async function importRunner(url: string): Promise<RunnerModule> {
  const module: Partial<RunnerModule> = await import(url)
  for (const name of ['load', 'open'] as const) {
    if (typeof module[name] !== 'function') {
      throw new HalError(
        'HAL_INVALID_ARGUMENT',
        `the runner module ${url} does not export a function ${name}`,
      )
    }
  }
  return module as RunnerModule
}
