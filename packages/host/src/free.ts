import { HalError, type Logger } from '@xpu-hal/core/backend'

/**
 * Takes every step, one after the other, also when one fails.
 * @throws HalError the first failure, when all is done.
 */
export async function freeAll(steps: readonly (() => unknown)[], logger: Logger): Promise<void> {
  const errors: HalError[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (cause) {
      const error = HalError.from(cause)
      errors.push(error)
      logger('warn', `closing an engine: ${error.message}`, { error })
    }
  }
  if (errors[0] !== undefined) throw errors[0]
}
