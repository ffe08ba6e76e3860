import { type EngineDriver, HalError, type Isolation, type Logger } from '@xpu-hal/core/backend'

export interface HostOptions<Config> {
  /** URL of the runner module: an ES module file that every worker imports. */
  readonly module: URL
  /** Handed to `load` and `open`; must survive structured cloning. */
  readonly config: Config
  /** One entry a worker, each naming the core it works on; at least one. */
  readonly workers: readonly { readonly core: string }[]
  readonly isolation: Isolation
  readonly logger: Logger
}

/**
 * Loads a model with a backend's runner module and gives the driver that core needs.
 * @throws HalError what the module's `load` or `open` threw; everything is freed again by then.
 */
export async function host<Config>(_options: HostOptions<Config>): Promise<EngineDriver> {
  throw new HalError('HAL_UNIMPLEMENTED', 'not written yet')
}
