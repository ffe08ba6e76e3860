import { availableParallelism, cpus, totalmem } from 'node:os'

/** What a benchmark gives: a table for people, ratios (ours over theirs) and plain numbers for machines. */
export interface Measured {
  readonly rows: readonly Readonly<Record<string, string | number>>[]
  readonly ratios: Readonly<Record<string, number>>
  readonly figures: Readonly<Record<string, number>>
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}

export function report(bench: string, { rows, ratios, figures }: Measured, json: boolean): string {
  const rounded = (values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]))
  if (json) {
    return JSON.stringify({
      bench,
      machine: machine(),
      rows,
      ratios: rounded(ratios),
      figures: rounded(figures),
    })
  }
  const { cpu, cores, memoryGb, node } = machine()
  const numbers = [...Object.entries(ratios), ...Object.entries(figures)]
  const lines = numbers.map(([name, value]) => `${name.padEnd(24)} ${round(value)}`)
  return [`${bench}: ${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}`, table(rows), '', ...lines].join(
    '\n',
  )
}

/** Whole numbers are counts, and stay as they are. */
export function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4))
}

function table(rows: Measured['rows']): string {
  const [first] = rows
  if (first === undefined) return ''
  const names = Object.keys(first)
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))]
  const widths = names.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  return cells.map((line) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).join('\n')
}
