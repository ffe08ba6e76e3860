import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

let collect: (() => void) | undefined

/**
 * Has this thread collect its garbage before it falls idle. It would not do so by itself, and what an engine has left there
 * holds tensors of the whole process. Takes a few milliseconds.
 */
export function collectGarbage(): void {
  try {
    collect ??= exposed()
    collect()
  } catch {
    // It is collected when the thread works again.
  }
}

/** V8 gives its function to contexts that are made while the flag is set: to this one. */
function exposed(): () => void {
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc')
  } finally {
    if (!('gc' in globalThis)) setFlagsFromString('--no-expose-gc')
  }
}
