import { mock } from '@xpu-hal/backend-mock'
import { createHal, type Engine, type Isolation } from '@xpu-hal/core'
import { identity } from './models.js'
import { type Measured, round } from './report.js'
import { median, percentile } from './samples.js'

const ROUNDS = 9
const RUNS = 2000

interface Trip {
  readonly p50Us: number
  readonly perSecond: number
}

/** A model that takes no time, through the whole engine: what the HAL itself costs. */
export async function benchDispatch(): Promise<Measured> {
  await using hal = createHal({ backends: [mock({ devices: 1, cores: 1 })] })
  const model = identity()
  const open = (isolation: Isolation) => hal.openEngine(model, { isolation })
  const inline = await open('inline')
  const engines = [await open('thread')]
  const rows: Record<string, string | number>[] = []
  const figures: Record<string, number> = {}
  const record = (name: string, isolation: Isolation, count: number, trip: Trip, used = count) => {
    const { p50Us, perSecond } = trip
    rows.push({
      isolation,
      'engines open': count,
      'in use': used,
      'round trip p50 us': round(p50Us),
      'runs/s': Math.round(perSecond),
    })
    figures[`${name}P50Us`] = p50Us
    figures[`${name}RunsPerSecond`] = perSecond
  }
  record('inline', 'inline', 1, await trips([inline]))
  record('thread', 'thread', 1, await trips(engines))
  for (const count of [16, 64]) {
    while (engines.length < count) engines.push(await open('thread'))
    record(`engines${count}`, 'thread', count, await trips(engines))
  }
  // One of the 64 in use, then alone: what open engines cost those that work. Using all in turn costs more, because every
  // round trip then wakes another thread with cold caches.
  const amongMany = await trips(engines.slice(0, 1))
  record('engines64OneUsed', 'thread', 64, amongMany, 1)
  await Promise.all(engines.slice(1).map((engine) => engine.close()))
  const alone = await trips(engines.slice(0, 1))
  return { rows, ratios: { engines64to1: amongMany.p50Us / alone.p50Us }, figures }
}

/** Serial round trips over the engines in turn, and runs per second with 16 in flight on the first. */
async function trips(engines: readonly Engine[]): Promise<Trip> {
  const inputs = engines.map((engine) => ({ x: engine.allocate('x') }))
  const p50s: number[] = []
  const rates: number[] = []
  for (let k = -1; k < ROUNDS; k++) {
    const times: number[] = []
    for (let i = 0; i < RUNS; i++) {
      const at = i % engines.length
      const start = performance.now()
      await (engines[at] as Engine).run(inputs[at] ?? {})
      times.push(performance.now() - start)
    }
    const rate = await throughput(engines[0] as Engine, inputs[0] ?? {})
    if (k < 0) continue
    p50s.push(percentile(times, 0.5) * 1000)
    rates.push(rate)
  }
  return { p50Us: median(p50s), perSecond: median(rates) }
}

async function throughput(engine: Engine, inputs: Parameters<Engine['run']>[0]): Promise<number> {
  let left = RUNS
  const client = async () => {
    while (left-- > 0) await engine.run(inputs)
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: 8 }, client))
  return (RUNS / (performance.now() - start)) * 1000
}
