import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { benchSoak } from '../src/soak.js'

const canMeasure = existsSync('/proc/self/smaps_rollup')
if (!canMeasure)
  console.log('skipped: memory is measured in /proc/self/smaps_rollup, which this system lacks')

/**
 * Bytes of growth for 1,000 runs: a quarter of what one retained tensor a run adds. What shared tensors hold counts as
 * external, because each has a plain buffer of its size beside it.
 */
const MAX_EXTERNAL = { mock: 256 * 1000, ort: 16_384 * 1000 }
/** Seen: 20,000 to 40,000 while the program warms up. */
const MAX_HEAP = 100_000

test.skipIf(!canMeasure)(
  'random use loses no run, gives no wrong answer and leaves nothing behind',
  async () => {
    const { figures } = await benchSoak({ runs: 20_000, ortRuns: 1000 })
    for (const load of ['mock', 'ort'] as const) {
      expect(figures).toMatchObject({
        [`${load}Settled`]: figures[`${load}Accepted`],
        [`${load}Wrong`]: 0,
        [`${load}Lost`]: 0,
        [`${load}Failed`]: 0,
        [`${load}HandlesAfter`]: figures[`${load}HandlesBefore`],
      })
      expect(figures[`${load}Cancelled`]).toBeGreaterThan(0)
      expect(figures[`${load}TimedOut`]).toBeGreaterThan(0)
      expect(figures[`${load}ExternalGrowthBytesPer1000`]).toBeLessThan(MAX_EXTERNAL[load])
    }
    expect(figures.mockHeapGrowthBytesPer1000).toBeLessThan(MAX_HEAP)
  },
)
