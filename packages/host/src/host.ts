import { type EngineDriver, HalError, type Isolation } from '@xpu-hal/core/backend'
import { type Common, commonOf, remember } from './common.js'
import { workerDriver } from './driver.js'
import { inlineDriver } from './inline.js'
import { importRunner } from './module.js'
import type { HostOptions } from './options.js'
import { exitWith } from './thread/exit.js'
import { Threads } from './thread/threads.js'

type DriverFactory = (
  options: HostOptions<unknown>,
  like: Common | undefined,
) => Promise<{ readonly driver: EngineDriver; readonly common: Common }>

/** Where another isolation plugs in. */
const factories: Partial<Record<Isolation, DriverFactory>> = {
  thread: threadDriver,
  process: processDriver,
  inline: inlineDriver,
}

/**
 * Loads a model with a backend's runner module and gives the driver that core needs.
 * @throws HalError what the module's `load` or `open` threw; everything is freed again by then.
 */
export async function host<Config>(options: HostOptions<Config>): Promise<EngineDriver> {
  const { isolation, workers } = options
  const factory = factories[isolation]
  if (factory === undefined) {
    const known = Object.keys(factories).join(', ')
    throw new HalError('HAL_UNIMPLEMENTED', `isolation '${isolation}' does not exist; there is: ${known}`)
  }
  if (workers.length === 0) throw new HalError('HAL_INVALID_ARGUMENT', 'workers: at least one is needed')
  const { driver, common } = await factory(options, commonOf(options))
  remember(driver, options, common)
  return driver
}

async function threadDriver(options: HostOptions<unknown>, like: Common | undefined) {
  const { module: url, logger } = options
  // For `cancel`, `runSync` and the like; first, so that what is wrong with it shows before anything is loaded.
  const module = await importRunner(url.href)
  exitWith(module.exitProcess)
  const driver = await workerDriver(options, new Threads(url, module, logger), like)
  return { driver, common: { model: driver.model } }
}

async function processDriver(options: HostOptions<unknown>, like: Common | undefined) {
  // Late: it needs a foreign function interface, which those who stay in one process do not.
  const { createProcesses, ownModel } = await import('./process/processes.js')
  const source = like?.processes?.source ?? (await ownModel(options.model))
  const workers = createProcesses(options, like)
  const driver = await workerDriver({ ...options, model: source }, workers, like)
  return { driver, common: { processes: { arena: workers.arena, source } } }
}
