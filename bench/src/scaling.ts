import { mock } from '@xpu-hal/backend-mock'
import { createHal, type Engine } from '@xpu-hal/core'
import { identity } from './models.js'
import { type Measured, round } from './report.js'
import { measure, median } from './samples.js'

/** Milliseconds of core time of a run. */
const RUN_MS = 5
const CORES = [1, 2, 3, 8]
const ROUNDS = 3
const WARM_UP_SECONDS = 0.5
const SECONDS = 2
const SEED = 1

/** Milliseconds of the two models that share a device. */
const LIGHT_MS = 2
const HEAVY_MS = 8
const SHARE_SECONDS = 4

type Row = Record<string, string | number>

/** Whether more cores do more in proportion, and whether two models get of a device what their weights say. */
export async function benchScaling(): Promise<Measured> {
  const rows: Row[] = []
  const ratios: Record<string, number> = {}
  const figures: Record<string, number> = {}
  const rates = await throughputs()
  const [single = Number.NaN] = rates
  for (const [i, cores] of CORES.entries()) {
    const rate = rates[i] ?? Number.NaN
    const ratio = rate / (cores * single)
    rows.push(row(`a model of ${RUN_MS} ms`, cores, rate, ratio))
    figures[`cores${cores}RunsPerSecond`] = rate
    if (cores === 1) figures.singleToIdeal = (rate * RUN_MS) / 1000
    else ratios[`cores${cores}`] = ratio
  }
  figures.fairShareErrorPercent = 0
  figures.weightedShareErrorPercent = 0
  for (const cores of [1, 3]) {
    for (const weights of [
      [1, 1],
      [1, 3],
    ] as const) {
      const figure = weights[0] === weights[1] ? 'fairShareErrorPercent' : 'weightedShareErrorPercent'
      for (const { label, rate, ofFair } of await shares(cores, weights)) {
        rows.push(row(label, cores, rate, ofFair))
        figures[figure] = Math.max(figures[figure] ?? 0, Math.abs(ofFair - 1) * 100)
      }
    }
  }
  return { rows, ratios, figures }
}

function row(load: string, cores: number, perSecond: number, ofIdeal: number): Row {
  return { load, cores, 'runs/s': round(perSecond), 'of the ideal': round(ofIdeal) }
}

/** Runs per second with each number of cores: the median of rounds in turn, so that what disturbs the machine disturbs all. */
async function throughputs(): Promise<number[]> {
  const found = CORES.map((): number[] => [])
  for (let k = 0; k < ROUNDS; k++) {
    for (const [i, cores] of CORES.entries()) found[i]?.push(await throughput(cores))
  }
  return found.map(median)
}

async function throughput(cores: number): Promise<number> {
  await using hal = createHal({ backends: [mock({ cores, computeMs: RUN_MS, seed: SEED })] })
  const engine = await hal.openEngine(identity())
  const inputs = { x: engine.allocate('x') }
  const run = () => engine.run(inputs)
  const inFlight = inFlightFor(cores)
  const runsIn = (seconds: number) => Math.ceil((seconds * 1000 * cores) / RUN_MS)
  await measure(run, inFlight, runsIn(WARM_UP_SECONDS))
  const { perSecond } = await measure(run, inFlight, runsIn(SECONDS))
  return perSecond
}

/** Enough for no core ever to wait for a caller. */
function inFlightFor(cores: number): number {
  return 4 * cores + 2
}

interface Share {
  readonly label: string
  /** Runs per second. */
  readonly rate: number
  /** Share of the core time, over the share that the weights give it. */
  readonly ofFair: number
}

/** Two models of unequal cost keep one device busy. */
async function shares(cores: number, weights: readonly [number, number]): Promise<Share[]> {
  const models = { light: { computeMs: LIGHT_MS }, heavy: { computeMs: HEAVY_MS } }
  await using hal = createHal({ backends: [mock({ cores, models, seed: SEED })] })
  const bytes = identity()
  const light = await hal.openEngine({ name: 'light', bytes }, { weight: weights[0] })
  const heavy = await hal.openEngine({ name: 'heavy', bytes }, { weight: weights[1] })
  const engines = [light, heavy]
  const over = new AbortController()
  const load = engines.map((engine) => saturate(engine, inFlightFor(cores), over.signal))
  await wait(WARM_UP_SECONDS)
  const busy = engines.map(coreTime)
  await wait(SHARE_SECONDS)
  const used = busy.map((end) => end())
  over.abort()
  await Promise.all(load)
  const total = used.reduce((sum, { ms }) => sum + ms, 0)
  return used.map(({ ms, runs }, i) => {
    const weight = weights[i] ?? 1
    return {
      label: `${[LIGHT_MS, HEAVY_MS][i]} ms, weight ${weight}, beside ${[HEAVY_MS, LIGHT_MS][i]} ms`,
      rate: runs / SHARE_SECONDS,
      ofFair: ms / total / (weight / (weights[0] + weights[1])),
    }
  })
}

/** Keeps so many runs under way until the signal aborts. */
async function saturate(engine: Engine, inFlight: number, signal: AbortSignal): Promise<void> {
  const inputs = { x: engine.allocate('x') }
  const client = async () => {
    while (!signal.aborted) await engine.run(inputs)
  }
  await Promise.all(Array.from({ length: inFlight }, client))
}

/** Adds up the core time of an engine from now until the function that it gives is called. */
function coreTime(engine: Engine): () => { ms: number; runs: number } {
  const used = { ms: 0, runs: 0 }
  engine.on('run', ({ startedAt = 0, endedAt = 0 }) => {
    used.ms += endedAt - startedAt
    used.runs++
  })
  return () => ({ ...used })
}

function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
