import { HalError, type HalErrorCode } from '@xpu-hal/core/backend'

/**
 * What goes wrong with a run:
 * - `fail`: it fails at once, without reaching a core
 * - `never`: no answer, until the device is lost or the engine closed
 * - `late`: the answer is held for `delayMs`
 * - `twice`: the answer is given two times, the second one `delayMs` after the first
 * - `wrong-shape`: the first output has one row more than it should have
 * - `reorder`: the answer is held until another run of the engine has been answered, or `delayMs` have passed
 *
 * `runSync` has an answer by the time it returns: only `fail` and `wrong-shape` apply to it.
 */
export type FaultKind = 'fail' | 'never' | 'late' | 'twice' | 'wrong-shape' | 'reorder'

export interface Fault {
  readonly fault: FaultKind
  /** How many runs it strikes; default 1. `Infinity`: until `clearFaults`. */
  readonly count?: number
  /** Only runs of the model with this name. */
  readonly model?: string
  /** Milliseconds; default 0, and no limit for `reorder`. */
  readonly delayMs?: number
  /** The error of `fail`; default HAL_INTERNAL. */
  readonly code?: HalErrorCode
}

const kinds: readonly FaultKind[] = ['fail', 'never', 'late', 'twice', 'wrong-shape', 'reorder']

/** The faults that wait for a run of a device. */
export class FaultPlan {
  private pending: { readonly fault: Fault; left: number }[] = []

  add(fault: Fault): void {
    const { count = 1, delayMs = 0 } = fault
    if (!kinds.includes(fault.fault))
      throw invalid(`no fault "${fault.fault}"; there are ${kinds.join(', ')}`)
    if (!(count > 0)) throw invalid(`count must be above 0, not ${count}`)
    if (!(delayMs >= 0)) throw invalid(`delayMs must be 0 or more, not ${delayMs}`)
    this.pending.push({ fault, left: count })
  }

  /** The fault that strikes the next run of a model; those injected first come first. */
  take(model: string, among = kinds): Fault | undefined {
    const found = this.pending.find(
      ({ fault }) => among.includes(fault.fault) && (fault.model === undefined || fault.model === model),
    )
    if (found !== undefined && --found.left <= 0)
      this.pending = this.pending.filter((entry) => entry !== found)
    return found?.fault
  }

  clear(): void {
    this.pending = []
  }
}

function invalid(message: string): HalError {
  return new HalError('HAL_INVALID_ARGUMENT', `mock: ${message}`)
}
