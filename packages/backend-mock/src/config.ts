import { HalError } from '@xpu-hal/core/backend'
import { checkTimes, TIMES, type Times } from './timing.js'

export interface MockDeviceConfig extends Times {
  /** What an application shows to its user; default `Simulated NPU`. */
  readonly name?: string
  /** Number of cores, from 1; default 3. They are called NPU_0, NPU_1, ... */
  readonly cores?: number
  /** Times for the models with these names, in place of those of the device. */
  readonly models?: Readonly<Record<string, Times>>
  /** Fixes every draw from a distribution; default 1. */
  readonly seed?: number
  /**
   * `exact` (the default): answers are computed, and a model with an operator that the mock does not know is refused.
   * `zeros`: every model is taken, and its answers are zeros, with 1 for each dimension that the model leaves open.
   */
  readonly arithmetic?: 'exact' | 'zeros'
}

/** What is said here holds for every device that does not say otherwise. */
export interface MockConfig extends MockDeviceConfig {
  /** Number of devices, or one entry for each; default 1. */
  readonly devices?: number | readonly MockDeviceConfig[]
}

export type CheckedConfig = Required<Omit<MockDeviceConfig, keyof Times>> & Times

const known = ['name', 'cores', 'models', 'seed', 'arithmetic', ...TIMES]

/** One configuration for each device, complete and checked. */
export function deviceConfigs(config: MockConfig): CheckedConfig[] {
  const { devices = 1, ...common } = config
  if (typeof devices === 'number') count(devices, 'devices', 0)
  const list = typeof devices === 'number' ? new Array<MockDeviceConfig>(devices).fill({}) : devices
  checkNames(common, '')
  return list.map((own, i) => {
    const where = typeof devices === 'number' ? '' : `devices[${i}].`
    checkNames(own, where)
    return checked({ ...common, ...own }, where)
  })
}

function checked(config: MockDeviceConfig, where: string): CheckedConfig {
  const { name = 'Simulated NPU', cores = 3, models = {}, seed = 1, arithmetic = 'exact' } = config
  count(cores, `${where}cores`, 1)
  if (!Number.isSafeInteger(seed)) throw invalid(`${where}seed must be a whole number, not ${seed}`)
  if (!['exact', 'zeros'].includes(arithmetic)) {
    throw invalid(`${where}arithmetic must be 'exact' or 'zeros', not ${JSON.stringify(arithmetic)}`)
  }
  checkTimes(config, cores, where)
  for (const [model, times] of Object.entries(models)) checkTimes(times, cores, `${where}models["${model}"].`)
  return { ...config, name, cores, models, seed, arithmetic }
}

function checkNames(config: object, where: string): void {
  for (const name of Object.keys(config)) {
    if (!known.includes(name)) throw invalid(`no setting ${where}${name}; there are ${known.join(', ')}`)
  }
}

function count(value: number, name: string, from: number): void {
  if (!Number.isInteger(value) || value < from || value > 1024) {
    throw invalid(`${name} must be a whole number from ${from} to 1024, not ${value}`)
  }
}

function invalid(message: string): HalError {
  return new HalError('HAL_INVALID_ARGUMENT', `mock: ${message}`)
}
