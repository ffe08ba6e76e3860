import { createHal } from '@xpu-hal/core'
import {
  canMeasure,
  chooseBackend,
  compare,
  makeAssets,
  picturesFrom,
  summary,
} from '@xpu-hal/example-gauges'
import { type Arguments, HELP, readArguments } from './arguments.js'
import { memoryTable } from './memory.js'
import { poolReads } from './pool-reads.js'
import type { Done, Task } from './task.js'
import { readAll, workersOn } from './workers.js'
import { workersRead } from './workers-read.js'

try {
  const options = readArguments(process.argv.slice(2))
  if (options.help) console.log(HELP)
  else if (!canMeasure()) throw new Error('worker processes need Linux')
  else if (options.memory) await memoryTable(options.weights, console.log)
  else await run(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(options: Arguments): Promise<void> {
  const own = await makeAssets(options.weights)
  const images = options.images.length > 0 ? options.images : own.images
  const pictures = await picturesFrom(images, options.pictures)
  const task: Task = { ...options, model: options.model ?? own.model, images, pictures }

  const alone = await oneProcess(task)
  const together = options.pool ? await poolReads(task) : await workersRead(task)
  console.log(`\n${together.report}\n`)
  console.log(summary(together.answers, pictures))
  console.log(`in one process: ${alone.ms.toFixed(0)} ms`)
  const what = options.pool ? 'processes' : 'worker processes'
  console.log(`${options.processes} ${what}: ${together.ms.toFixed(0)} ms`)
  const { same, text } = compare(alone.answers, together.answers)
  console.log(text)
  if (!same || together.answers.some((answer) => 'error' in answer)) process.exitCode = 1
}

async function oneProcess({ backend, model, images, pictures }: Task): Promise<Omit<Done, 'report'>> {
  await using hal = createHal({ backends: [chooseBackend(backend, 1)] })
  console.log((await hal.devices())[0]?.name)
  const engine = await hal.openEngine(model, workersOn(backend, 1))
  await readAll(engine, 1, images)
  const start = performance.now()
  const answers = await readAll(engine, 1, pictures)
  return { answers, ms: performance.now() - start }
}
