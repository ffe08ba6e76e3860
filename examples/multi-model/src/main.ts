import { createHal, type Engine, type RunMetrics } from '@xpu-hal/core'
import { type Arguments, HELP, readArguments } from './arguments.js'
import { compareBatching, oneBadRequest } from './batching.js'
import { drawDigit } from './digits.js'
import { makeBackend, openAll } from './engines.js'
import { overload } from './overload.js'
import {
  describeBadRequest,
  describeBatching,
  describeOpinions,
  describeOverload,
  describeReading,
  describeResources,
} from './report.js'
import { askBoth, pictures, readDigits } from './workflow.js'

const PICTURES = 400

try {
  const flags = readArguments(process.argv.slice(2))
  if (flags.help) console.log(HELP)
  else await main(flags)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function main({ backend, clients, requests, batch, delay }: Arguments): Promise<void> {
  const made = makeBackend(backend)
  await using hal = createHal({ backends: [made.source] })
  const engines = await openAll(hal, backend)
  section('Three models, each with the resources that suit its device', describeResources(engines))

  const shown = Array.from({ length: PICTURES }, (_, i) => i % 10)
  const pixels = pictures(shown.map((digit, i) => drawDigit(digit, i)))
  const read = await readDigits(engines, pixels)
  section('One after the other: normaliser, neighbours', describeReading(shown, read, engines))

  const metrics: RunMetrics[] = []
  for (const engine of [engines.neighbours, engines.segments]) engine.on('run', (run) => metrics.push(run))
  const opinions = await askBoth(engines, pixels)
  section('Side by side: neighbours and segments', describeOpinions(opinions, engines, metrics))
  await Promise.all(Object.values(engines).map((engine: Engine) => engine.close()))

  const batching = { maxSize: batch, maxDelay: delay }
  const comparison = await compareBatching(hal, backend, { clients, requests, batching })
  section(`${clients} clients with ${requests} requests of one picture each`, describeBatching(comparison))
  section('One bad request among good ones', describeBadRequest(await oneBadRequest(hal, backend, made.mock)))
  section('Too much, on a simulated device', describeOverload(await overload()))
}

function section(title: string, text: string): void {
  console.log(`${title}\n${text}\n`)
}
