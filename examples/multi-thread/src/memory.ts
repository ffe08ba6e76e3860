import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { canMeasure, makeAssets, table } from '@xpu-hal/example-gauges'

const child = fileURLToPath(new URL('./memory-child.js', import.meta.url))

/** Megabytes after opening, and after every engine has read a picture. */
export interface Footprint {
  readonly opened: number
  readonly predicted: number
}

/**
 * Prints how much memory 1, 2 and 3 engines take in one process, used by its main thread or each by a thread of its own.
 * Each figure is of a new process.
 */
export async function memoryTables(megabytes: number, print: (text: string) => void): Promise<void> {
  if (!canMeasure()) throw new Error('memory is measured in /proc/self/smaps_rollup, which this system lacks')
  const { model, images } = await makeAssets(megabytes)
  print(`Anonymous memory in MB; the model has ${megabytes} MB of weights.`)
  for (const where of ['models', 'threads']) {
    const rows: string[][] = []
    for (const count of [1, 2, 3]) {
      const row = [String(count)]
      for (const how of ['clone', 'open']) {
        const { opened, predicted } = await footprint([where, how, String(count), model, images[0] as string])
        row.push(opened.toFixed(0), predicted.toFixed(0))
      }
      rows.push(row)
    }
    print(`\n${table([[where, 'with clone', 'after predict', 'without', 'after predict'], ...rows])}`)
  }
}

async function footprint(args: readonly string[]): Promise<Footprint> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, ...args])
  return JSON.parse(stdout) as Footprint
}
