import type { Isolation, Logger, Model } from '@xpu-hal/core/backend'
import type { PipelinedRunner } from './runner.js'

export interface HostOptions<Config> {
  /** URL of the runner module: an ES module file that every worker imports. */
  readonly module: URL
  readonly model: Model
  /** Handed to `load` and `open`; must survive structured cloning. */
  readonly config: Config
  /** One entry a worker, each naming the core it works on; at least one. */
  readonly workers: readonly { readonly core: string }[]
  readonly isolation: Isolation
  /** How many runs a {@link PipelinedRunner} is sent before the first is received; 1 when missing. */
  readonly depth?: number
  readonly logger: Logger
}
