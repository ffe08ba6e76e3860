import { checkWaitOptions } from '../engine/watch.js'
import type { Inputs, WaitOptions } from '../engine.js'
import { HalError } from '../errors.js'
import type { Logger } from '../logger.js'

/** How far the opening of an engine is. */
export interface OpenProgress {
  readonly phase: 'load' | 'warm-up'
  /** Devices that have loaded the model; warm-up runs that are over. */
  readonly done: number
  /** With `spread` and devices 'auto', some may turn out not to take the model: `done` stays below it then. */
  readonly total: number
  /** Where that happened. */
  readonly device: string
}

/** What goes with an opening, beside the options of the engine. */
export interface OpenControl extends WaitOptions {
  /** Called on the thread that opens. What it throws is logged, and the opening goes on. */
  readonly onProgress?: (progress: OpenProgress) => void
  /** Inputs for the runs of the option `warmUp`; when missing: zeros, with 1 for each dimension that the model leaves open. */
  readonly warmUpInputs?: Inputs
}

/** What concerns an opening that is under way. */
export interface Opening {
  readonly onProgress?: OpenControl['onProgress'] | undefined
  readonly warmUpInputs?: Inputs | undefined
  /** Aborts when nobody waits for the engine any more. */
  readonly signal: AbortSignal
  /** Aborts when the HAL closes. */
  readonly closed: AbortSignal
}

/** Throws as {@link checkWaitOptions}; TypeError for a listener that is no function. */
export function checkOpenControl(control: OpenControl): void {
  checkWaitOptions(control)
  const { onProgress } = control
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError('onProgress must be a function')
  }
}

/** Tells the listener, as long as somebody waits. */
export function reporter({ onProgress, signal }: Opening, logger: Logger): (progress: OpenProgress) => void {
  return (progress) => {
    if (onProgress === undefined || signal.aborted) return
    // What an asynchronous listener rejects with is caught as well.
    new Promise<void>((resolve) => resolve(onProgress(progress))).catch((error: unknown) => {
      logger('error', `the listener onProgress threw: ${HalError.from(error).message}`, { error })
    })
  }
}
