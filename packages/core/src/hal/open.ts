import { COMMON_OPTIONS, type EngineOptions } from '../common-options.js'
import type { Isolation } from '../device.js'
import type { OpenEngine } from '../engine/open-engine.js'
import { HalError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { ModelSource } from '../model.js'
import { resolveModel } from '../model-source.js'
import type { OptionValues } from '../option.js'
import { checkOptionNames, resolveOptions } from '../option-check.js'
import { type Admit, assemble, nextEngineId } from './assemble.js'
import { boundCores } from './bound.js'
import type { Inventory } from './inventory.js'
import type { OpenDevice } from './open-device.js'
import { type Candidate, candidates, type Fallback, select } from './selection.js'

/** Loads a model on the first device that takes it, and makes the engine. */
export async function openEngine(
  { devices, absent }: Inventory,
  source: ModelSource,
  given: EngineOptions,
  logger: Logger,
  admit: Admit,
): Promise<OpenEngine> {
  // A backend that is absent cannot tell its options: its absence is then what the caller has to hear of.
  if (absent.length === 0) {
    const all = [...COMMON_OPTIONS, ...devices.flatMap(({ device }) => device.options)]
    checkOptionNames(given, all, 'an engine')
  }
  const common = resolveOptions(given, COMMON_OPTIONS)
  const policy = common.devices as 'auto' | readonly string[]
  const list = candidates(policy, devices, absent)
  const model = await resolveModel(source)
  const id = nextEngineId()
  const { taken, opened, choices } = await select(
    list,
    (common.fallback as Fallback | undefined) ?? defaultFallback(policy, list),
    async (candidate) => {
      const options = optionsFor(candidate, given)
      const cores = boundCores(options.boundOption, candidate.device)
      return { options, driver: await candidate.driver.doOpen({ engine: id, model, options, cores, logger }) }
    },
    (message) => logger('warn', message, { engine: id }),
  )
  return assemble({ id, model, taken, ...opened, choices, logger, admit })
}

/** Who names a CPU wants it, but is told. */
function defaultFallback(policy: 'auto' | readonly string[], list: readonly Candidate[]): Fallback {
  const namesCpu = policy !== 'auto' && list.some((entry) => 'device' in entry && entry.device.kind === 'cpu')
  return namesCpu ? 'warn' : 'error'
}

function optionsFor({ device, loss }: OpenDevice, given: EngineOptions): OptionValues {
  checkOptionNames(given, device.options, device.id)
  const values = resolveOptions(given, device.options)
  const known = device.capabilities.isolation
  const isolation = (values.isolation ?? known[0]) as Isolation
  const where = { device: device.id }
  if (!known.includes(isolation)) {
    const message = `${device.id} has no isolation '${isolation}'; it has ${known.join(', ')}`
    throw new HalError('HAL_UNIMPLEMENTED', message, where)
  }
  if (loss !== undefined) {
    throw new HalError('HAL_DEVICE_LOST', `device ${device.id} is lost: ${loss.message}`, {
      ...where,
      cause: loss,
    })
  }
  return { ...values, isolation }
}
