import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { mock } from '@xpu-hal/backend-mock'
import { createHal, type Engine } from '@xpu-hal/core'
import { identity } from './models.js'
import type { Measured } from './report.js'
import { measure, median } from './samples.js'

const ROUNDS = 5
const THREADS = [1, 2, 4]
/** Runs under way at once, of all threads together. */
const IN_FLIGHT = 16

const devices = [
  { name: 'npu', title: '3 cores of 5 ms', config: { cores: 3, computeMs: 5 }, runs: 720 },
  { name: 'zero', title: 'takes no time', config: { cores: 3 }, runs: 4000 },
]

interface Contestant {
  readonly name: string
  readonly label: string
  /** Does so many runs, and gives how many those were. */
  work(runs: number): Promise<number>
  end(): Promise<unknown>
}

/** Worker threads that submit to one engine, beside the thread that opened it. */
export async function benchThreads(): Promise<Measured> {
  const rows: Record<string, string | number>[] = []
  const ratios: Record<string, number> = {}
  const figures: Record<string, number> = {}
  let bytesCopied = 0
  for (const { name, title, config, runs } of devices) {
    await using hal = createHal({ backends: [mock(config)] })
    const engine = await hal.openEngine(identity(), { maxLoad: IN_FLIGHT })
    const contestants = [main(engine)]
    for (const count of THREADS) contestants.push(await threads(engine, count))
    const rates = await measured(contestants, runs)
    for (const [i, contestant] of contestants.entries()) {
      const rate = rates[i] ?? Number.NaN
      rows.push({ device: title, submitting: contestant.label, 'runs/s': Math.round(rate) })
      figures[`${name}${contestant.name}RunsPerSecond`] = rate
      if (i > 0) ratios[`${name}${contestant.name}ToMain`] = rate / (rates[0] ?? Number.NaN)
    }
    await Promise.all(contestants.map((contestant) => contestant.end()))
    bytesCopied += engine.stats().bytesCopied
  }
  figures.bytesCopied = bytesCopied
  return { rows, ratios, figures }
}

function main(engine: Engine): Contestant {
  const x = engine.allocate('x')
  return {
    name: 'Main',
    label: 'the thread of the engine',
    async work(runs) {
      await measure(() => engine.run({ x }), IN_FLIGHT, runs)
      return runs
    },
    end: async () => {},
  }
}

async function threads(engine: Engine, count: number): Promise<Contestant> {
  const script = new URL('./threads-worker.js', import.meta.url)
  const workers = Array.from({ length: count }, () => {
    const handle = engine.share()
    return new Worker(script, { workerData: { handle }, transferList: [handle] })
  })
  const next = () => Promise.all(workers.map((worker) => once(worker, 'message')))
  await next()
  return {
    name: `Threads${count}`,
    label: count === 1 ? 'another thread' : `${count} other threads`,
    async work(runs) {
      const share = Math.floor(runs / count)
      const done = next()
      for (const worker of workers) worker.postMessage({ inFlight: IN_FLIGHT / count, count: share })
      await done
      return share * count
    },
    end: () => Promise.all(workers.map((worker) => worker.terminate())),
  }
}

/** Runs per second of each: the median of rounds in turn, so that what disturbs the machine disturbs all; the first warms up. */
async function measured(contestants: readonly Contestant[], runs: number): Promise<number[]> {
  const rates = contestants.map((): number[] => [])
  for (let k = -1; k < ROUNDS; k++) {
    for (const [i, contestant] of contestants.entries()) {
      const start = performance.now()
      const done = await contestant.work(runs)
      if (k >= 0) rates[i]?.push((done / (performance.now() - start)) * 1000)
    }
  }
  return rates.map(median)
}
