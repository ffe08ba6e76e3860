import type { BatchOptions, Engine, Inputs, Outputs, RunOptions } from '../engine.js'
import { HalError } from '../errors.js'

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
  const { outputs, timeout, ...shared } = options
  if (outputs !== undefined && outputs.length !== items.length) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `${items.length} items need as many output sets, got ${outputs.length}`,
    )
  }
  const deadline = timeout === undefined || timeout === 0 ? undefined : performance.now() + timeout
  const results: PromiseSettledResult<Outputs>[] = new Array(items.length)
  let next = 0
  const work = async () => {
    while (next < items.length) {
      const i = next++
      const buffers = outputs?.[i]
      const rest = deadline === undefined ? timeout : Math.max(deadline - performance.now(), Number.MIN_VALUE)
      const mine: RunOptions = {
        ...shared,
        ...(buffers && { outputs: buffers }),
        ...(rest !== undefined && { timeout: rest }),
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
