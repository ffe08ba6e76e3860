import { type EngineDriver, HalError, type Isolation } from '@xpu-hal/core/backend'
import { inlineDriver } from './inline.js'
import type { HostOptions } from './options.js'
import { threadDriver } from './thread/driver.js'

type DriverFactory = (options: HostOptions<unknown>) => Promise<EngineDriver>

/** Where another isolation plugs in. */
const factories: Partial<Record<Isolation, DriverFactory>> = { thread: threadDriver, inline: inlineDriver }

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
