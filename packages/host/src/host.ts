import { type EngineDriver, HalError, type Isolation } from '@xpu-hal/core/backend'
import { workerDriver } from './driver.js'
import { inlineDriver } from './inline.js'
import { importRunner } from './module.js'
import type { HostOptions } from './options.js'
import { exitWith } from './thread/exit.js'
import { Threads } from './thread/threads.js'

type DriverFactory = (options: HostOptions<unknown>) => Promise<EngineDriver>

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
  return factory(options)
}

async function threadDriver(options: HostOptions<unknown>): Promise<EngineDriver> {
  const { module: url, logger } = options
  // For `cancel`, `runSync` and the like; first, so that what is wrong with it shows before anything is loaded.
  const module = await importRunner(url.href)
  exitWith(module.exitProcess)
  return workerDriver(options, new Threads(url, module, logger))
}

async function processDriver(options: HostOptions<unknown>): Promise<EngineDriver> {
  const { module: url, env = [], logger } = options
  // Late: it needs a foreign function interface, which those who stay in one process do not.
  const { createProcesses } = await import('./process/processes.js')
  return workerDriver(options, createProcesses(url, env, logger))
}
