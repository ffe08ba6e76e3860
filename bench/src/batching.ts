import { mock } from '@xpu-hal/backend-mock'
import { type Batching, createHal, type Engine, type EngineOptions, HalError } from '@xpu-hal/core'
import { atTimes, poisson } from './arrivals.js'
import { rowByRow } from './models.js'
import { type Measured, round } from './report.js'
import { percentile } from './samples.js'

/** Milliseconds of core time of an execution, and for each of its rows. */
const COMPUTE_MS = 4
const ROW_MS = 0.25
/** Requests that one core can do one by one. */
const ALONE_PER_SECOND = 1000 / (COMPUTE_MS + ROW_MS)

const LOADS = [
  { load: 'light', ofAlone: 0.2, seconds: 8 },
  { load: 'above', ofAlone: 3, seconds: 4 },
  { load: 'saturation', ofAlone: 12, seconds: 4 },
] as const

const MODES: Readonly<Record<'none' | 'adaptive' | 'fixed', Batching | undefined>> = {
  none: undefined,
  adaptive: { maxSize: 16, adaptive: true },
  fixed: { maxSize: 16, adaptive: false, maxDelay: 5 },
}

const ROUNDS = 3
const WARM_UP_SECONDS = 1
const SEED = 1

type Load = (typeof LOADS)[number]

/** What became of the requests that came within some seconds. */
interface Served {
  /** Milliseconds from submission to answer. */
  readonly latencies: number[]
  /** Answers that came within the time. */
  inTime: number
  refused: number
  seconds: number
  /** Rows of an execution, on average. */
  rows: number
}

/** Single rows that come at random, whether or not those before are answered: one by one, in adaptive batches, after a fixed delay. */
export async function benchBatching(): Promise<Measured> {
  const rows: Record<string, string | number>[] = []
  const figures: Record<string, number> = {}
  const ratios: Record<string, number> = {}
  for (const load of LOADS) {
    const modes = await serve(load)
    for (const [mode, { latencies, inTime, refused, seconds, rows: perExecution }] of Object.entries(modes)) {
      const perSecond = inTime / seconds
      const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
      rows.push({
        load: load.load,
        'offered/s': Math.round(load.ofAlone * ALONE_PER_SECOND),
        batching: mode,
        'answers/s': round(perSecond),
        'p50 ms': round(p50),
        'p99 ms': round(p99),
        refused,
        'rows/execution': round(perExecution),
      })
      const name = `${mode}${load.load[0]?.toUpperCase()}${load.load.slice(1)}`
      figures[`${name}PerSecond`] = perSecond
      figures[`${name}P50Ms`] = p50
      figures[`${name}P99Ms`] = p99
    }
  }
  const over = (figure: string) => (figures[`adaptive${figure}`] ?? 0) / (figures[`none${figure}`] ?? 0)
  ratios.throughput = over('SaturationPerSecond')
  ratios.p50Light = over('LightP50Ms')
  ratios.p99Light = over('LightP99Ms')
  ratios.fixedP50Light = (figures.fixedLightP50Ms ?? 0) / (figures.noneLightP50Ms ?? 0)
  return { rows, ratios, figures }
}

/** The same arrivals for each mode, in rounds, so that what disturbs the machine disturbs all. */
async function serve(load: Load): Promise<Record<string, Served>> {
  const served: Record<string, Served> = {}
  for (let k = 0; k < ROUNDS; k++) {
    for (const [mode, batching] of Object.entries(MODES)) {
      const part = await serveOnce(load, batching, SEED + k)
      const sum = served[mode]
      if (sum === undefined) served[mode] = part
      else {
        sum.latencies.push(...part.latencies)
        sum.inTime += part.inTime
        sum.refused += part.refused
        sum.seconds += part.seconds
        sum.rows += (part.rows - sum.rows) / (k + 1)
      }
    }
  }
  return served
}

async function serveOnce(load: Load, batching: Batching | undefined, seed: number): Promise<Served> {
  const backend = mock({ cores: 1, computeMs: COMPUTE_MS, computeMsPerRow: ROW_MS, seed: SEED })
  await using hal = createHal({ backends: [backend] })
  const options: EngineOptions = { warmUp: 3, ...(batching && { batching }) }
  const engine = await hal.openEngine(rowByRow(), options)
  const perSecond = load.ofAlone * ALONE_PER_SECOND
  await offer(engine, perSecond, WARM_UP_SECONDS, seed + 1000)
  engine.resetStats()
  const served = await offer(engine, perSecond, load.seconds, seed)
  const { count, mean } = engine.stats().batchSize
  return { ...served, rows: count === 0 ? 1 : mean }
}

/** Offers requests of one row, and gives those up that are not answered when the time is over. */
async function offer(engine: Engine, perSecond: number, seconds: number, seed: number): Promise<Served> {
  const served: Served = { latencies: [], inTime: 0, refused: 0, seconds, rows: 1 }
  const over = new AbortController()
  const inputs = { x: engine.allocate('x', [1, 16]) }
  const pending: Promise<void>[] = []
  const request = async () => {
    const start = performance.now()
    try {
      await engine.run(inputs, { signal: over.signal })
      served.latencies.push(performance.now() - start)
      served.inTime++
    } catch (error) {
      const { code } = HalError.from(error)
      if (code === 'HAL_RESOURCE_EXHAUSTED') served.refused++
      else if (code !== 'HAL_ABORTED') throw error
    }
  }
  const times = poisson(perSecond, seconds, seed)
  await atTimes([...times, seconds * 1000], () => {
    if (pending.length < times.length) pending.push(request())
    else over.abort()
  })
  await Promise.all(pending)
  return served
}
