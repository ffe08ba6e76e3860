import { HalError, type OpenRequest, type Option } from '@xpu-hal/core/backend'
import type { CheckedConfig } from './config.js'
import type { Times } from './timing.js'

/** The mock's own options of an engine. */
export const engineOptions: readonly Option[] = [
  {
    name: 'computeMs',
    type: 'number',
    min: 0,
    description: 'Milliseconds a core works on a run, for this engine.',
  },
  {
    name: 'computeMsPerRow',
    type: 'number',
    min: 0,
    description: 'Milliseconds a core works longer for each row of the first input, for this engine.',
  },
  {
    name: 'transferMs',
    type: 'number',
    min: 0,
    description: 'Milliseconds of transfer for a run, for this engine.',
  },
]

/** The most particular ones: of the engine, else of the model, else of the device. */
export function timesOf({ model, options }: OpenRequest, config: CheckedConfig): Times {
  const { computeMs, computeMsPerRow, transferMs } = options
  return {
    ...config,
    ...config.models[model.name],
    ...(typeof computeMs === 'number' && { computeMs }),
    ...(typeof computeMsPerRow === 'number' && { computeMsPerRow }),
    ...(typeof transferMs === 'number' && { transferMs }),
  }
}

/** One worker for each core that is allowed, or for the first ones of them when fewer are asked for. */
export function workersOf({ cores, options }: OpenRequest): { core: string }[] {
  const workers = options.workers ?? cores.length
  if (typeof workers !== 'number' || workers > cores.length) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `workers: a simulated core takes one worker, so there can be ${cores.length} here, not ${workers}; allow more cores with boundOption or ask for fewer workers`,
    )
  }
  return cores.slice(0, workers).map((core) => ({ core }))
}
