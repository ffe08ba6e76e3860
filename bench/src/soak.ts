import { mock } from '@xpu-hal/backend-mock'
import { ort } from '@xpu-hal/backend-ort'
import type { EngineOptions } from '@xpu-hal/core'
import { type Measured, round } from './report.js'
import { median } from './samples.js'
import { type Sample, type Soaked, type SoakOptions, soak } from './soak/soak.js'

export type SoakIsolation = 'thread' | 'process' | 'inline'

export interface SoakSettings {
  readonly runs?: number
  readonly ortRuns?: number
  readonly seed?: number
  readonly isolation?: SoakIsolation
}

/** Random use of both backends for a long time: what it loses, what it gets wrong, and what it leaves behind. */
export async function benchSoak({
  runs = 1_000_000,
  ortRuns = 50_000,
  seed = 1,
  isolation = 'thread',
}: SoakSettings): Promise<Measured> {
  const engine: EngineOptions = { isolation, fallback: 'allow' }
  const loads: [string, SoakOptions][] = [
    ['mock', { backend: mock({ seed }), engine, elements: 256, runs, seed }],
    [
      'ort',
      { backend: ort(), engine: { ...engine, threadsPerWorker: 1 }, elements: 16_384, runs: ortRuns, seed },
    ],
  ]
  const rows: Measured['rows'][number][] = []
  const figures: Record<string, number> = {}
  for (const [name, options] of loads.filter(([, { runs }]) => runs > 0)) {
    const soaked = await soak(options)
    for (const sample of soaked.samples) rows.push(row(name, sample))
    for (const [figure, value] of Object.entries(figuresOf(soaked))) {
      figures[`${name}${figure[0]?.toUpperCase()}${figure.slice(1)}`] = value
    }
  }
  return { rows, ratios: {}, figures }
}

export function figuresOf({ samples, ...counts }: Soaked) {
  const [first, last] = [samples[0], samples.at(-1)] as [Sample, Sample]
  return {
    ...counts,
    heapGrowthBytesPer1000: growth(samples, 'heapBytes'),
    externalGrowthBytesPer1000: growth(samples, 'externalBytes'),
    anonymousGrowthKbPer1000: growth(samples, 'anonymousKb'),
    handlesBefore: handles(first),
    handlesAfter: handles(last),
  }
}

function handles({ resources, threads, descriptors, children }: Sample): number {
  return resources + threads + descriptors + children
}

/** For 1,000 runs: the median of the slopes over half of the soak, which single peaks do not move. */
function growth(samples: readonly Sample[], of: 'heapBytes' | 'externalBytes' | 'anonymousKb'): number {
  const half = samples.length >> 1
  return median(
    samples.slice(half).map((late, i) => {
      const early = samples[i] as Sample
      return ((late[of] - early[of]) / (late.runs - early.runs)) * 1000
    }),
  )
}

function row(load: string, { runs, heapBytes, externalBytes, anonymousKb, ...counts }: Sample) {
  return {
    load,
    runs,
    'heap kB': round(heapBytes / 1024),
    'external kB': round(externalBytes / 1024),
    'anonymous kB': anonymousKb,
    ...counts,
  }
}
