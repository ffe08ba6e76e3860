import { type BoundOption, type Engine, HalError, type RunMetrics } from '@xpu-hal/core'
import { measure, places, table } from './measure.js'
import { run } from './program.js'
import { filledInputs } from './tensors.js'
import { allAtOnce, oneByOne } from './ways.js'

const WORDS = ['NPU_ALL', 'NPU_0', 'NPU_1', 'NPU_2', 'NPU_01', 'NPU_12', 'NPU_02']

await run({
  about: 'Runs a model on the cores that the bound option names: one run after the other, then all at once.',
  flags: { bound: { about: 'the only bound option to try', words: WORDS, default: '' } },
  async main({ loops, bound }, { open }) {
    const engines: Engine[] = []
    const rows = []
    for (const word of bound === '' ? WORDS : [bound]) {
      const engine = await open({ boundOption: word as BoundOption }).catch((error: unknown) => {
        if (bound !== '' || !HalError.isInstance(error)) throw error
        console.log(`${word}: ${error.message}`)
        return undefined
      })
      if (engine === undefined) continue
      engines.push(engine)
      const inputs = filledInputs(engine, 0)
      rows.push(
        await measure(engine, `${word} sync`, () => oneByOne(engine, inputs, loops)),
        await measure(engine, `${word} at once`, () => allAtOnce(engine, inputs, loops)),
      )
    }
    console.log(table(rows))
    if (engines.length > 1) console.log(await together(engines, loops))
  },
})

/** Engines for one core and for all of them share the device: none keeps the others waiting. */
async function together(engines: readonly Engine[], loops: number): Promise<string> {
  const metrics: RunMetrics[] = []
  for (const engine of engines) engine.on('run', (run) => metrics.push(run))
  const start = performance.now()
  await Promise.all(engines.map((engine) => allAtOnce(engine, filledInputs(engine, 0), loops)))
  const ms = performance.now() - start
  const rate = ((1000 * metrics.length) / ms).toFixed(1)
  return `${engines.length} engines at the same time: ${metrics.length} runs in ${ms.toFixed(1)} ms, ${rate} a second, on ${places(metrics)}`
}
