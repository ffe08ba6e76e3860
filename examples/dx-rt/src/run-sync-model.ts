import { type Inputs, tensor } from '@xpu-hal/core'
import { comparison, measure, table } from './measure.js'
import { run } from './program.js'
import { filledInputs, postProcess } from './tensors.js'
import { allAtOnce } from './ways.js'

await run({
  about:
    'Runs a model synchronously: one run after the other, on one core. Then the same runs all at once, for comparison.',
  flags: {
    wrong: { about: 'gives the first input wrongly', words: ['name', 'type', 'shape', 'size'], default: '' },
  },
  async main({ loops, wrong }, { open }) {
    await using engine = await open()
    const good = filledInputs(engine, 0)
    const inputs = wrong === '' ? good : spoiled(good, wrong)
    const rows = []

    // On the calling thread, which stands still meanwhile. Not every runtime can.
    if (engine.device.capabilities.runSync) {
      const block = () => {
        for (let i = 0; i < loops; i++) postProcess(engine.runSync(inputs))
      }
      rows.push(await measure(engine, 'runSync', block))
    }

    // The same for whoever reads the program, but the thread is free while the device works.
    const sync = await measure(engine, 'await run', async () => {
      for (let i = 0; i < loops; i++) postProcess(await engine.run(inputs))
    })

    const async = await measure(engine, 'all at once', () => allAtOnce(engine, inputs, loops))

    console.log(table([...rows, sync, async]))
    console.log(comparison('All at once', async, sync))
  },
})

/** What the runtime would read beyond its end, or take for something else, if nobody looked. */
function spoiled(inputs: ReturnType<typeof filledInputs>, wrong: string): Inputs {
  const [[name, input] = [], ...others] = Object.entries(inputs)
  if (name === undefined || input === undefined) return inputs
  const rest = Object.fromEntries(others)
  const { dataType, shape } = input
  switch (wrong) {
    case 'name':
      return { ...rest, [`${name}s`]: input }
    case 'type':
      return { ...rest, [name]: tensor(dataType === 'float64' ? 'float32' : 'float64', shape) }
    case 'shape':
      return { ...rest, [name]: tensor(dataType, [...shape, 1]) }
    default:
      return new Uint8Array(3)
  }
}
