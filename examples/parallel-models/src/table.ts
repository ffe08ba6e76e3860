import type { Device, RunMetrics } from '@xpu-hal/core'
import type { Detection } from './detections.js'

/** One model's run. */
export interface Report {
  readonly model: string
  readonly device: Pick<Device, 'id' | 'name'>
  readonly metrics: RunMetrics
  readonly detections: readonly Detection[]
}

/** When the core worked on a run. */
interface Span {
  readonly start: number
  readonly end: number
}

export function table(reports: readonly Report[]): string {
  const first = Math.min(...reports.map(({ metrics }) => spanOf(metrics).start))
  const rows = reports.map(({ model, metrics, detections }) => {
    const { start, end } = spanOf(metrics)
    const times = [start - first, end - first, end - start].map((time) => time.toFixed(1))
    return [metrics.device, metrics.core, model, ...times, summary(detections)]
  })
  return align(
    [['device', 'core', 'model', 'start', 'end', 'ms', 'found'], ...rows],
    [false, false, false, true, true, true],
  )
}

/** A line for each device that says what it is. */
export function legend(reports: readonly Report[]): string {
  return [...new Set(reports.map(({ device: { id, name } }) => `${id} is ${name}.`))].join('\n')
}

/** One line that says for how long all runs were executing at once. */
export function overlap(reports: readonly Report[]): string {
  const spans = reports.map(({ metrics }) => spanOf(metrics))
  const start = Math.max(...spans.map((span) => span.start))
  const end = Math.min(...spans.map((span) => span.end))
  if (end <= start)
    return 'One ran after the other: this machine was too busy, or the device has one core only.'
  return `Both ran at the same time for ${(end - start).toFixed(1)} ms.`
}

function spanOf({ startedAt, endedAt, submittedAt, settledAt }: RunMetrics): Span {
  return { start: startedAt ?? submittedAt, end: endedAt ?? settledAt }
}

function summary(detections: readonly Detection[]): string {
  const counts = new Map<string, number>()
  for (const { label } of detections) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts].map(([label, count]) => `${count} × ${label}`).join(', ') || 'nothing'
}

function align(rows: readonly (readonly string[])[], toTheRight: readonly boolean[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (toTheRight[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  '),
  )
  return lines.map((line) => line.trimEnd()).join('\n')
}
