import { dirname } from 'node:path'
import { HalError } from '@xpu-hal/core/backend'
import { isCpu } from './providers.js'
import { details, type OrtFailure } from './status.js'

/**
 * How a model is loaded whose weights lie in a file of their own, of which every process that loads it maps the same memory:
 * written, rewritten by the optimizations, to a model at this path; or mapped from a model that was written so.
 */
export type Weights = { readonly writeTo: string } | 'mapped'

/** Beside the model that is written. */
const WEIGHTS_FILE = 'weights.bin'
/** Bytes of a tensor: smaller ones stay in the model. */
const LEAST_WEIGHTS = 1024

/** Other providers copy weights to memory of their own. */
export function refuseElsewhere(provider: string): void {
  if (isCpu(provider)) return
  throw new HalError('HAL_INVALID_ARGUMENT', `mapWeights is for the CPU: leave it out for '${provider}'`)
}

/** Entries of the session configuration. */
export function weightEntries(weights: Weights | undefined): Record<string, string> {
  if (weights === undefined) return {}
  // Packing for the processor copies them into memory of each process.
  const unpacked = { 'session.disable_prepacking': '1' }
  if (weights === 'mapped') return unpacked
  return {
    ...unpacked,
    'session.optimized_model_external_initializers_file_name': WEIGHTS_FILE,
    'session.optimized_model_external_initializers_min_size_in_bytes': String(LEAST_WEIGHTS),
  }
}

/** The error of a model whose weights could not be written. */
export function writeError(
  failure: OrtFailure,
  model: string,
  weights: Weights | undefined,
): HalError | undefined {
  if (typeof weights !== 'object') return undefined
  const folder = dirname(weights.writeTo)
  if (!failure.message.includes(folder)) return undefined
  const message = `${model}: mapWeights cannot write the weights; name a folder with room for them in TMPDIR. ONNX Runtime says: `
  return new HalError('HAL_UNAVAILABLE', message + failure.message, details(failure))
}
