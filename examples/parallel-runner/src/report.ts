import { byteLength } from '@xpu-hal/core'
import type { Session, Task } from './clients.js'

const SHOWN = 5

/** Lines about a task: how long it took, and its outputs with name, size, number of elements and the first of them. */
export function describeTask({ client, task, ms, metrics, outcome }: Task): string {
  const head = `client ${client} | task ${task} | ${format(ms)} ms`
  if ('error' in outcome) return `${head} | ${outcome.error.code}: ${outcome.error.message.trim()}`
  const { startedAt = 0, endedAt = 0, submittedAt = 0, core = '' } = metrics ?? {}
  const split = `waited ${format(startedAt - submittedAt)}, ran ${format(endedAt - startedAt)} on ${core}`
  const outputs = Object.entries(outcome.outputs).map(([name, { dataType, shape, data }]) => {
    const first = Array.from(data.slice(0, SHOWN) as ArrayLike<unknown>, show).join(' ')
    const size = byteLength(dataType, shape) ?? 0
    return `  ${name}: ${size} bytes, ${data.length} elements: ${first}${data.length > SHOWN ? ' ...' : ''}`
  })
  return [`${head} | ${split}`, ...outputs].join('\n')
}

export function summary({ workers, tasks, totalMs }: Session): string {
  const failed = tasks.filter(({ outcome }) => 'error' in outcome)
  const which = failed.map(({ client, task }) => `task ${task} of client ${client}`).join(', ')
  const ending =
    failed.length === 0 ? 'all succeeded' : `${tasks.length - failed.length} succeeded, failed: ${which}`
  const who = workers === 1 ? '1 worker' : `${workers} workers`
  return `total run time with ${who}: ${format(totalMs)} ms; ${tasks.length} tasks, ${ending}`
}

/** One line for each number of workers, the fastest round of it, then what the larger number is worth. */
export function compare(one: Session, several: Session, rounds: number): string {
  const head = ['workers', 'total ms', 'tasks/s', 'wait p50', 'wait max', 'run p50']
  const lines = [head, cells(one), cells(several)].map((row) =>
    row.map((cell, i) => cell.padStart(head[i]?.length ?? 0)).join('  '),
  )
  const factor = (one.totalMs / several.totalMs).toFixed(2)
  const verdict = `${several.workers} workers are ${factor} times as fast as one.`
  return [`The fastest of ${rounds} rounds each:`, ...lines, verdict].join('\n')
}

function cells({ workers, tasks, totalMs, stats: { queueWait, run } }: Session): string[] {
  const figures = [totalMs, (1000 * tasks.length) / totalMs, queueWait.p50, queueWait.max, run.p50]
  return [String(workers), ...figures.map(format)]
}

function format(value: number): string {
  return value.toFixed(1)
}

function show(value: unknown): string {
  return typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(5) : String(value)
}
