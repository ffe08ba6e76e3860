import type { EngineDriver, Isolation, Logger, Model } from '@xpu-hal/core/backend'
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
  /**
   * `like` of the request. Where it was made by `host` for the same module and isolation, both drivers use the model that it has
   * loaded (threads, inline) or its memory for tensors (processes, which load the model once more). Pass it also where it is
   * undefined: only who passes it is opened without the bytes of the model another time.
   */
  readonly like?: EngineDriver | undefined
  /** Whether drivers that are `like` one another use the same weights; when missing: where they use one loaded model. */
  readonly sharesWeights?: boolean
  /** Whether `runSync` is served, by one more runner on the calling thread; true when missing. */
  readonly runSync?: boolean
  /** How many runs a {@link PipelinedRunner} is sent before the first is received; 1 when missing. */
  readonly depth?: number
  /** Variables of the environment that worker processes get beside PATH, HOME, TMPDIR, LD_LIBRARY_PATH and those of language and time. */
  readonly env?: readonly string[]
  /** None when missing. */
  readonly limits?: Limits
  readonly logger: Logger
}

/**
 * Milliseconds that a native call may take. A worker that is still inside is left behind, with what it holds, and another
 * takes its place; missing: no limit.
 */
export interface Limits {
  /** Without an answer to a run; its run fails with HAL_DEVICE_LOST. */
  readonly run?: number
  /** As `run`, but only the runner's module is told. */
  readonly interrupt?: number
  /** For `load` and `open` of the runner's module. */
  readonly open?: number
  /** For `close` and `unload`. */
  readonly close?: number
}
