import { createHal } from '@xpu-hal/core'
import { anonymousMb, childrenOf, chooseBackend } from '@xpu-hal/example-gauges'
import type { Footprint } from './memory.js'
import { Pool } from './pool.js'
import { openWorkers, readAll } from './workers.js'

/** `pool|workers|mapped COUNT MODEL IMAGE`: prints the memory of this process and those that it has started. */
const [kind, count, model, image] = process.argv.slice(2) as [string, string, string, string]
const processes = Number(count)
// Several for each, so that none goes without.
const pictures = new Array<string>(4 * processes).fill(image)

if (kind === 'pool') {
  const pool = await Pool.start(processes, 'ort', model)
  const opened = measure()
  await pool.readAll(pictures)
  print({ opened, predicted: measure() })
  await pool.end()
} else {
  await using hal = createHal({ backends: [chooseBackend('ort', 1)] })
  const mapWeights = kind === 'mapped'
  const engine = await openWorkers(hal, model, { backend: 'ort', processes, mapWeights })
  const opened = measure()
  await readAll(engine, processes, pictures)
  print({ opened, predicted: measure() })
}

function measure(): number {
  globalThis.gc?.()
  return anonymousMb([process.pid, ...childrenOf(process.pid)])
}

function print(footprint: Footprint): void {
  console.log(JSON.stringify(footprint))
}
