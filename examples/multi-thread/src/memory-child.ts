import { createHal, type Engine } from '@xpu-hal/core'
import { type Answer, anonymousMb, chooseBackend, Predictor } from '@xpu-hal/example-gauges'
import { openEngines } from './engines.js'
import type { Footprint } from './memory.js'
import { PredictorThread, spread } from './predictor-thread.js'

/** `models|threads clone|open COUNT MODEL IMAGE`: prints the memory of this process. */
const [where, how, count, model, image] = process.argv.slice(2) as [string, string, string, string, string]

await using hal = createHal({ backends: [chooseBackend('ort', 1)] })
const engines = await openEngines(hal, model, {
  backend: 'ort',
  count: Number(count),
  cloned: how === 'clone',
})
if (where === 'threads') await inThreads(engines)
else await inMainThread(engines)

async function inMainThread(engines: readonly Engine[]): Promise<void> {
  const predictors = engines.map((engine) => new Predictor(engine))
  const opened = measure()
  for (const predictor of predictors) await predictor.predict(image)
  print({ opened, predicted: measure() })
}

async function inThreads(engines: readonly Engine[]): Promise<void> {
  const threads = await Promise.all(engines.map((engine) => PredictorThread.start(engine)))
  const opened = measure()
  const answers: Answer[] = []
  for (const thread of threads) answers.push(...(await spread([thread], [image])).flat())
  for (const answer of answers) if ('error' in answer) throw new Error(answer.error)
  print({ opened, predicted: measure() })
  await Promise.all(threads.map((thread) => thread.end()))
}

function measure(): number {
  globalThis.gc?.()
  return anonymousMb([process.pid])
}

function print(footprint: Footprint): void {
  console.log(JSON.stringify(footprint))
}
