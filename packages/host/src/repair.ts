import { setTimeout as delay } from 'node:timers/promises'
import { HalError, type Logger } from '@xpu-hal/core/backend'

/** After the first failure in a row; twice as long after each further one. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
const ATTEMPTS = 10

/**
 * Calls `open` until it succeeds, with growing pauses.
 * @param failures how often in a row what it opens has been lost again without having been of use: 0 opens at once
 * @throws what `open` threw last; the reason of the signal when it aborts
 */
export async function repair<T>(
  open: () => Promise<T>,
  failures: number,
  signal: AbortSignal,
  logger: Logger,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const pause = pauseAfter(failures + attempt - 1)
    if (pause > 0) await delay(pause, undefined, { signal })
    try {
      return await open()
    } catch (cause) {
      const error = HalError.from(cause)
      logger('warn', `starting a worker again failed (${attempt} of ${ATTEMPTS}): ${error.message}`, {
        error,
      })
      if (attempt === ATTEMPTS) throw error
    }
  }
}

function pauseAfter(failures: number): number {
  return failures === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
}
