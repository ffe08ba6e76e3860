import type { BatchOptions, Engine, Inputs, Outputs, RunOptions } from '../engine.js'
import { HalError } from '../errors.js'
import { checkWaitOptions } from './watch.js'

/**
 * Runs every item with as many in flight as the engine takes, so that the device never waits for the slowest of a
 * group. A failure stays with its item.
 */
export async function runBatch(
  engine: Pick<Engine, 'run'>,
  items: readonly Inputs[],
  options: BatchOptions,
  width: number,
): Promise<PromiseSettledResult<Outputs>[]> {
  if (!Array.isArray(items)) throw new TypeError('runBatch needs a list of inputs')
  checkWaitOptions(options)
  const { outputs, timeout, ...shared } = options
  if (outputs !== undefined && outputs.length !== items.length) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `${items.length} items need as many output sets, got ${outputs.length}`,
    )
  }
  const deadline = performance.now() + (timeout || Number.POSITIVE_INFINITY)
  const results: PromiseSettledResult<Outputs>[] = new Array(items.length)
  let next = 0
  const work = async () => {
    while (next < items.length) {
      const i = next++
      const buffers = outputs?.[i]
      const rest = deadline - performance.now()
      if (rest <= 0) {
        const message = `the batch took longer than its timeout of ${timeout} ms`
        results[i] = { status: 'rejected', reason: new HalError('HAL_DEADLINE_EXCEEDED', message) }
        continue
      }
      const mine: RunOptions = {
        ...shared,
        ...(buffers && { outputs: buffers }),
        ...(timeout !== undefined && { timeout: timeout === 0 ? 0 : rest }),
      }
      try {
        results[i] = { status: 'fulfilled', value: await engine.run(items[i] as Inputs, mine) }
      } catch (reason) {
        results[i] = { status: 'rejected', reason }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work))
  return results
}
