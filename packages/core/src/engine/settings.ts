import type { Lane } from '../backend.js'
import type { Batching } from '../common-options.js'
import type { Priority } from '../engine.js'
import type { OptionValues } from '../option.js'
import { checkPriority } from './run-options.js'

/** The options that core itself acts on, with what depends on the driver filled in. */
export interface Settings {
  readonly maxLoad: number
  readonly maxWaiting: number
  readonly bufferCount: number
  readonly weight: number
  readonly ordered: boolean
  readonly level: number
  readonly timeout: number
  readonly repeatable: boolean
  readonly batching: Required<Batching> | undefined
}

/** DX-RT's own defaults, raised where a device has so many lanes that they would leave some of them empty. */
const DEFAULT_MAX_LOAD = 10
const DEFAULT_BUFFER_COUNT = 6

export function settings(options: OptionValues, lanes: readonly Lane[]): Settings {
  const places = lanes.reduce((sum, { depth }) => sum + depth, 0)
  const batching = options.batching as Required<Batching> | undefined
  // Enough for a full batch on every lane, and as many requests that wait to be the next.
  const batched = 2 * lanes.length * (batching?.maxSize ?? 0)
  return {
    maxLoad: (options.maxLoad as number | undefined) ?? Math.max(DEFAULT_MAX_LOAD, 2 * places, batched),
    maxWaiting: options.maxWaiting as number,
    bufferCount: (options.bufferCount as number | undefined) ?? Math.max(DEFAULT_BUFFER_COUNT, places),
    weight: options.weight as number,
    ordered: options.ordered as boolean,
    level: checkPriority(options.priority as Priority),
    timeout: options.timeout as number,
    repeatable: options.repeatable as boolean,
    batching,
  }
}
