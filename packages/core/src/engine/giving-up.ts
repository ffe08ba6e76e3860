import type { Engine, WaitOptions } from '../engine.js'
import { watch } from './watch.js'

/** Waits for an engine no longer than the caller wants; one that opens too late is closed again. */
export function givingUp(opening: Promise<Engine>, wait: WaitOptions, what: string): Promise<Engine> {
  return new Promise((resolve, reject) => {
    let late = false
    const disarm = watch(wait, what, (error) => {
      late = true
      reject(error)
    })
    opening.then(
      (engine) => {
        disarm?.()
        if (late) engine.close().catch(() => {})
        else resolve(engine)
      },
      (error) => {
        disarm?.()
        reject(error)
      },
    )
  })
}
