import { setTimeout as delay } from 'node:timers/promises'
import { HalError, type Logger } from '@xpu-hal/core/backend'

/** Before the second attempt; twice as long before each further one. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
const ATTEMPTS = 10

/**
 * Calls `open` until it succeeds, with growing pauses.
 * @throws what `open` threw last; the reason of the signal when it aborts
 */
export async function repair<T>(open: () => Promise<T>, signal: AbortSignal, logger: Logger): Promise<T> {
  for (let attempt = 1, pause = FIRST_PAUSE_MS; ; attempt++, pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await open()
    } catch (cause) {
      const error = HalError.from(cause)
      logger('warn', `starting a worker again failed (${attempt} of ${ATTEMPTS}): ${error.message}`, {
        error,
      })
      if (attempt === ATTEMPTS) throw error
    }
    await delay(pause, undefined, { signal })
  }
}
