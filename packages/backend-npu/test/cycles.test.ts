import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ort_library, reference } from './reference.js'

/** Cycles after which every kind has had its turn once. */
const ROUND = 8
const cycles = Number(process.env.XPU_HAL_CYCLES ?? 11 * ROUND)
const WARM_UP = Math.min(300, Math.ceil(cycles / 3))

/**
 * kB a cycle. Seen: 13 over 400 cycles, up to 70 over 88, where single peaks count for more. A new thread for each worker
 * instead of one that is used again adds 110, keeping the outputs 2,300.
 */
const MAX_GROWTH = cycles < 400 ? 100 : 40

/** Memory maps a round. Seen: 6 to 13, of the libraries that lost instances leave. 11 threads add 33. */
const MAX_MAPS = 25

interface Sample {
  readonly cycles: number
  readonly anonymous: number
  readonly threads: number
  readonly descriptors: number
  readonly maps: number
  readonly leftFiles: number
}

const canCount = existsSync('/proc/self/smaps_rollup')
if (!canCount) console.log('skipped: memory is measured in /proc/self/smaps_rollup, which this system lacks')
const ready = canCount && reference() !== undefined

test.skipIf(!ready)(
  'engines that are opened, run and closed again and again leave nothing behind',
  async () => {
    const samples = (await soak()).filter((sample) => sample.cycles >= WARM_UP)
    const first = samples[0] as Sample
    for (const { threads, descriptors, leftFiles } of samples) {
      expect({ threads, descriptors, leftFiles }).toEqual({
        threads: first.threads,
        descriptors: first.descriptors,
        leftFiles: 0,
      })
    }
    expect(growth(samples, 'maps') * ROUND).toBeLessThan(MAX_MAPS)
    expect(growth(samples, 'anonymous')).toBeLessThan(MAX_GROWTH)
  },
  60_000 + cycles * 1000,
)

async function soak(): Promise<Sample[]> {
  const program = fileURLToPath(new URL('./fixtures/cycles.mjs', import.meta.url))
  const env = {
    ...process.env,
    // By itself glibc keeps more and more of what is freed the larger blocks are, up to a bound far above a leak.
    MALLOC_MMAP_THRESHOLD_: '131072',
  }
  const args = ['--expose-gc', program, ort_library, String(cycles), String(ROUND)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  const samples = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample)
  if (process.env.XPU_HAL_CYCLES !== undefined) console.table(samples)
  return samples
}

/** A cycle: the median of the slopes between all pairs, which single peaks do not move. */
function growth(samples: readonly Sample[], of: 'anonymous' | 'maps'): number {
  const slopes = samples.flatMap((a, i) =>
    samples.slice(i + 1).map((b) => (b[of] - a[of]) / (b.cycles - a.cycles)),
  )
  return slopes.sort((a, b) => a - b)[slopes.length >> 1] as number
}
