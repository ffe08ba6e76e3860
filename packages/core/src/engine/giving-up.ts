import type { Engine, WaitOptions } from '../engine.js'
import { watch } from './watch.js'

/**
 * Waits for an engine no longer than the caller wants; one that opens too late is closed again.
 * @param open its signal aborts when nobody waits any more
 */
export function givingUp(
  open: (signal: AbortSignal) => Promise<Engine>,
  wait: WaitOptions,
  what: string,
): Promise<Engine> {
  return new Promise((resolve, reject) => {
    const givenUp = new AbortController()
    const disarm = watch(wait, what, (error) => {
      givenUp.abort(error)
      reject(error)
    })
    open(givenUp.signal).then(
      (engine) => {
        disarm?.()
        if (givenUp.signal.aborted) engine.close().catch(() => {})
        else resolve(engine)
      },
      (error) => {
        disarm?.()
        reject(error)
      },
    )
  })
}
