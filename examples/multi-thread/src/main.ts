import { createHal, type Engine } from '@xpu-hal/core'
import { chooseBackend, compare, makeAssets, picturesFrom, summary } from '@xpu-hal/example-gauges'
import { type Arguments, HELP, readArguments } from './arguments.js'
import { openEngines } from './engines.js'
import { memoryTables } from './memory.js'
import { PredictorThread, spread } from './predictor-thread.js'
import { type Round, threadTable } from './report.js'

const ROUNDS = 3

try {
  const options = readArguments(process.argv.slice(2))
  if (options.help) console.log(HELP)
  else if (options.memory) await memoryTables(options.weights, console.log)
  else await run(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run({ backend, threads: count, ...options }: Arguments): Promise<void> {
  const own = await makeAssets(options.weights)
  const images = options.images.length > 0 ? options.images : own.images
  const pictures = await picturesFrom(images, options.pictures)

  await using hal = createHal({ backends: [chooseBackend(backend, count)] })
  const engines = await openEngines(hal, options.model ?? own.model, { backend, count, cloned: true })
  const threads = await Promise.all(engines.map((engine) => PredictorThread.start(engine)))
  for (const thread of threads) await spread([thread], images) // The first pictures of a thread take longer.

  const alone = await fastest(engines, threads.slice(0, 1), pictures)
  const together = await fastest(engines, threads, pictures)
  console.log(`${engines[0]?.device.name}\n\n${threadTable(engines, together)}\n`)
  console.log(summary(together.shares.flat(), pictures))
  console.log(`1 thread:  ${alone.ms.toFixed(0)} ms`)
  if (count > 1) {
    const times = (alone.ms / together.ms).toFixed(2)
    console.log(`${count} threads: ${together.ms.toFixed(0)} ms, ${times} times as fast`)
  }
  const { same, text } = compare(alone.shares.flat(), together.shares.flat())
  console.log(text)
  if (!same || together.shares.flat().some((answer) => 'error' in answer)) process.exitCode = 1

  await Promise.all(threads.map((thread) => thread.end()))
}

/** The fastest of a few rounds: the machine does other things, too. */
async function fastest(
  engines: readonly Engine[],
  threads: readonly PredictorThread[],
  pictures: readonly string[],
): Promise<Round> {
  const rounds: Round[] = []
  while (rounds.length < ROUNDS) {
    for (const engine of engines) engine.resetStats()
    const start = performance.now()
    const shares = await spread(threads, pictures)
    const ms = performance.now() - start
    rounds.push({ ms, shares, bytesCopied: engines.map((engine) => engine.stats().bytesCopied) })
  }
  return rounds.reduce((best, round) => (round.ms < best.ms ? round : best))
}
