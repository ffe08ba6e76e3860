import { isDeepStrictEqual } from 'node:util'
import type { EngineDriver } from '../backend.js'
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
import { type Opening, reporter } from './open-control.js'
import type { OpenDevice } from './open-device.js'
import {
  arePositions,
  atOnce,
  type Candidate,
  candidates,
  deviceIds,
  type Fallback,
  select,
  selectAll,
} from './selection.js'

interface Opened {
  readonly backend: string
  readonly options: OptionValues
  readonly driver: EngineDriver
}

/** Loads a model on the first device that takes it, or on several, and makes the engine. */
export async function openEngine(
  inventory: Inventory,
  source: ModelSource,
  asked: EngineOptions,
  logger: Logger,
  admit: Admit,
  opening: Opening,
): Promise<OpenEngine> {
  const { devices, absent, scheduler } = inventory
  // A backend that is absent cannot tell its options: its absence is then what the caller has to hear of.
  if (absent.length === 0) {
    const all = [...COMMON_OPTIONS, ...devices.flatMap(({ device }) => device.options)]
    checkOptionNames(asked, all, 'an engine')
  }
  const byPosition = arePositions(asked.devices)
  const given = byPosition ? { ...asked, devices: deviceIds(asked.devices, devices) } : asked
  const common = resolveOptions(given, COMMON_OPTIONS)
  const policy = common.devices as 'auto' | readonly string[]
  const list = candidates(policy, devices, absent)
  const model = await resolveModel(source)
  const id = nextEngineId()
  const fallback = (common.fallback as Fallback | undefined) ?? defaultFallback(policy, list)
  const spread = (common.spread as boolean | undefined) ?? byPosition
  const total = spread ? Math.max(atOnce(policy, list).length, 1) : 1
  const report = reporter(opening, logger)
  const open = async (candidate: OpenDevice, before: readonly Opened[] = []): Promise<Opened> => {
    const options = optionsFor(candidate, given)
    const cores = boundCores(options.boundOption, candidate.device)
    const { device } = candidate
    const like = before.find(({ backend }) => backend === device.backend)
    const driver = await candidate.driver.doOpen({
      ...{ engine: id, model, options, cores, logger },
      ...(like && { like: like.driver }),
    })
    const fault = before[0] && mismatch(before[0].driver, driver)
    if (fault === undefined) {
      report({ phase: 'load', done: before.length + 1, total, device: device.id })
      return { backend: device.backend, options, driver }
    }
    await driver.doClose().catch(() => {})
    throw new HalError('HAL_FAILED_PRECONDITION', `${device.id} ${fault}: open one engine for each`)
  }
  const warn = (message: string) => logger('warn', message, { engine: id })
  const undo = ({ driver }: Opened) => driver.doClose()
  const { taken, choices } = spread
    ? await selectAll(list, policy, fallback, open, undo, warn)
    : await select(list, fallback, open, warn)
  const parts = taken.map(({ on, opened }) => ({ on, ...opened }))
  return assemble({ id, model, parts, choices, scheduler, logger, admit, opening })
}

/** Why the drivers of two devices cannot serve one engine. */
function mismatch(first: EngineDriver, other: EngineDriver): string | undefined {
  for (const side of ['inputs', 'outputs'] as const) {
    if (!isDeepStrictEqual(first[side], other[side])) return `has other ${side} for this model`
  }
  return reaches(first, other) && reaches(other, first) ? undefined : 'keeps tensors in a memory of its own'
}

function reaches({ memory }: EngineDriver, other: EngineDriver): boolean {
  if (memory === 'any' || other.memory === 'any') return true
  if (memory === 'shared') return other.memory === 'shared'
  return typeof other.memory !== 'string' && memory.reaches(other.memory.allocate(1))
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
