import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { canMeasure, makeAssets, table } from '@xpu-hal/example-gauges'

const child = fileURLToPath(new URL('./memory-child.js', import.meta.url))

/** Megabytes after opening, and after every process has read a picture. */
export interface Footprint {
  readonly opened: number
  readonly predicted: number
}

/** Prints how much memory an application takes, with 1, 2 and 3 processes of each kind. Each figure is of a new application. */
export async function memoryTable(megabytes: number, print: (text: string) => void): Promise<void> {
  if (!canMeasure()) throw new Error('memory is measured in /proc/self/smaps_rollup, which this system lacks')
  const { model, images } = await makeAssets(megabytes)
  print(
    `Anonymous memory of the application and its processes in MB; the model has ${megabytes} MB of weights.`,
  )
  const rows: string[][] = []
  for (const count of [1, 2, 3]) {
    const row = [String(count)]
    for (const kind of ['pool', 'workers', 'mapped']) {
      const { opened, predicted } = await footprint([kind, String(count), model, images[0] as string])
      row.push(opened.toFixed(0), predicted.toFixed(0))
    }
    rows.push(row)
  }
  const head = [
    'processes',
    'pool',
    'after predict',
    'workers',
    'after predict',
    'mapWeights',
    'after predict',
  ]
  print(`\n${table([head, ...rows])}`)
}

async function footprint(args: readonly string[]): Promise<Footprint> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, ...args])
  return JSON.parse(stdout) as Footprint
}
