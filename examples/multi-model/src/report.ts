import type { RunMetrics } from '@xpu-hal/core'
import type { BadRequest, Comparison } from './batching.js'
import type { Engines } from './engines.js'
import type { Overload } from './overload.js'
import { table } from './table.js'
import type { Opinions } from './workflow.js'

export function describeResources(engines: Engines): string {
  const rows = Object.values(engines).map(({ model, device, options }) => [
    model,
    device.id,
    String(options.workers),
    // One where nothing is said; a simulated core has none.
    device.kind === 'cpu' ? String(options.threadsPerWorker ?? 1) : '-',
  ])
  return table([['model', 'device', 'workers', 'threads each'], ...rows])
}

/** What the pictures showed, and what was read. */
export function describeReading(shown: readonly number[], read: readonly number[], engines: Engines): string {
  const right = shown.filter((digit, i) => digit === read[i]).length
  return [
    `  shown ${row(shown)}`,
    `  read  ${row(read)}`,
    `  ${right} of ${shown.length} right; ${copied(engines)}`,
  ].join('\n')
}

export function describeOpinions(
  opinions: readonly Opinions[],
  engines: Engines,
  [a, b]: readonly RunMetrics[],
): string {
  const same = opinions.filter(({ neighbours, segments }) => neighbours === segments).length
  return [
    `  neighbours ${row(opinions.map(({ neighbours }) => neighbours))}`,
    `  segments   ${row(opinions.map(({ segments }) => segments))}`,
    `  they agree on ${same} of ${opinions.length}; ${copied(engines)}`,
    `  both executed at the same time for ${overlap(a, b).toFixed(2)} ms`,
  ].join('\n')
}

export function describeBatching({ single, batched }: Comparison): string {
  const rows = Object.entries({ single, batched }).map(([name, { rate, stats }]) => [
    name,
    rate.toFixed(0),
    ...[stats.latency.p50, stats.latency.p99].map((ms) => ms.toFixed(1)),
    ...(stats.batchSize.count === 0
      ? ['-', '-', '-']
      : [stats.batchSize.mean.toFixed(1), stats.batchSize.p50.toFixed(0), stats.batchSize.max.toFixed(0)]),
  ])
  const head = ['requests', 'a second', 'p50 ms', 'p99 ms', 'rows mean', 'p50', 'max']
  const factor = (batched.rate / single.rate).toFixed(2)
  return `${table([head, ...rows])}\n  Batches serve ${factor} times as many requests.`
}

export function describeBadRequest({ together, endings: [bad, ...others] }: BadRequest): string {
  return `  ${together} good ones are executed together\n  a bad one: ${bad}, and those that came with it: ${others.join(', ')}`
}

export function describeOverload(cases: readonly Overload[]): string {
  return cases.map(({ what, endings }) => `  ${what}:\n    ${endings.join(', ')}`).join('\n')
}

function copied(engines: Engines): string {
  const bytes = Object.values(engines).reduce((sum, engine) => sum + engine.stats().bytesCopied, 0)
  return `${bytes} bytes were copied`
}

/** The first of them. */
function row(digits: readonly number[]): string {
  return `${digits.slice(0, 20).join(' ')} ...`
}

/** Milliseconds that two runs executed at once. */
function overlap(a: RunMetrics | undefined, b: RunMetrics | undefined): number {
  const start = Math.max(a?.startedAt ?? 0, b?.startedAt ?? 0)
  const end = Math.min(a?.endedAt ?? 0, b?.endedAt ?? 0)
  return Math.max(0, end - start)
}
