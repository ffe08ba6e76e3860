import type { WaitOptions } from '../engine.js'
import { HalError } from '../errors.js'

/** The longest time a Node timer can hold, about 24.8 days. */
export const LONGEST_MS = 2 ** 31 - 1

/** Throws HAL_INVALID_ARGUMENT for a timeout that is no number of milliseconds, TypeError for a signal that is none. */
export function checkWaitOptions({ timeout, signal }: WaitOptions): void {
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `timeout is ${String(timeout)}; it is a number of milliseconds from 0`,
    )
  }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError('signal must be an AbortSignal')
}

export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw aborted(signal, what)
}

/**
 * Calls `fire` once with the right error when the timeout passes or the signal aborts, whichever is first.
 * Gives back a function that ends the watch; `undefined` when there is nothing to watch.
 */
export function watch(
  { timeout = 0, signal }: WaitOptions,
  what: string,
  fire: (error: HalError) => void,
): (() => void) | undefined {
  if (timeout === 0 && signal === undefined) return undefined
  let timer: NodeJS.Timeout | undefined
  const stopListening =
    signal &&
    onAbort(signal, () => {
      disarm()
      fire(aborted(signal, what))
    })
  const disarm = () => {
    clearTimeout(timer)
    stopListening?.()
  }
  if (timeout > 0 && timeout <= LONGEST_MS) {
    timer = setTimeout(() => {
      disarm()
      fire(new HalError('HAL_DEADLINE_EXCEEDED', `${what} took longer than its timeout of ${timeout} ms`))
    }, timeout)
  }
  return disarm
}

/** The watch over a run; what happens when it fires changes as the run goes on. */
export class Guard {
  fire: (error: HalError) => void = () => {}
  readonly disarm: () => void

  constructor(options: WaitOptions, what: string) {
    this.disarm = watch(options, what, (error) => this.fire(error)) ?? (() => {})
  }
}

const listeners = new WeakMap<AbortSignal, Set<() => void>>()

/** One listener a signal, however many runs share it: Node warns of more than ten. */
function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const known = listeners.get(signal)
  const all = known ?? new Set<() => void>()
  if (known === undefined) {
    listeners.set(signal, all)
    const fireAll = () => {
      // The last one first, so that no run begins only because one before it has gone. What one of them settles must not
      // fire any more.
      for (const fire of [...all].reverse()) if (all.has(fire)) fire()
    }
    signal.addEventListener('abort', fireAll, { once: true })
  }
  all.add(listener)
  return () => all.delete(listener)
}

function aborted(signal: AbortSignal, what: string): HalError {
  return new HalError('HAL_ABORTED', `${what} was aborted`, { cause: signal.reason })
}
