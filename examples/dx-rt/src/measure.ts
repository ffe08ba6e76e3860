import type { Engine, EngineStats, RunMetrics } from '@xpu-hal/core'

/** What a way of running came to. */
export interface Measured {
  readonly way: string
  readonly ms: number
  readonly stats: EngineStats
  readonly metrics: readonly RunMetrics[]
}

/** Times `work`, which is done when all its runs on the engine have settled. */
export async function measure(
  engine: Engine,
  way: string,
  work: () => Promise<void> | void,
): Promise<Measured> {
  const metrics: RunMetrics[] = []
  const collect = (run: RunMetrics) => metrics.push(run)
  engine.on('run', collect)
  engine.resetStats()
  const start = performance.now()
  await work()
  const ms = performance.now() - start
  engine.off('run', collect)
  return { way, ms, stats: engine.stats(), metrics }
}

const HEAD = ['', 'runs', 'ms', 'a second', 'wait p50', 'run p50', 'latency p50', 'p99', 'where']

/** A line for each, times in milliseconds. */
export function table(rows: readonly Measured[]): string {
  const cells = rows.map(({ way, ms, stats: { succeeded, queueWait, run, latency }, metrics }) => {
    const figures = [ms, (1000 * succeeded) / ms, queueWait.p50, run.p50, latency.p50, latency.p99]
    return [way, String(succeeded), ...figures.map((value) => value.toFixed(1)), places(metrics)]
  })
  return columns([HEAD, ...cells])
}

/** How many runs were executed on which core; with several devices, of which of them. */
export function places(metrics: readonly RunMetrics[]): string {
  const devices = new Map<string, Map<string, number>>()
  for (const { device, core } of metrics) {
    const cores = devices.get(device) ?? new Map<string, number>()
    devices.set(device, cores)
    // What `runSync` executes is on no core of the engine's.
    const place = core === '' ? 'calling thread' : core
    cores.set(place, (cores.get(place) ?? 0) + 1)
  }
  const lists = sorted(devices).map(([device, cores]) => {
    const counts = sorted(cores).map(([place, runs]) => `${place} ${runs}`)
    return `${devices.size > 1 ? `${device}: ` : ''}${counts.join(', ')}`
  })
  return lists.join('; ')
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => a.localeCompare(b))
}

/** How many times as many runs a second `one` has done. */
export function comparison(what: string, one: Measured, other: Measured): string {
  const rate = ({ ms, stats }: Measured) => stats.succeeded / ms
  const factor = (rate(one) / rate(other)).toFixed(2)
  return `${what}: ${factor} times as many runs a second as ${other.way}.`
}

/** Text to the left in the first and last column, numbers to the right in the others. */
function columns(rows: readonly (readonly string[])[]): string {
  const last = HEAD.length - 1
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => {
      if (i === last) return cell
      return i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)
    })
  return rows.map((row) => line(row).join('  ')).join('\n')
}
