import { HalError, type Outputs } from '@xpu-hal/core'
import { comparison, measure, table } from './measure.js'
import { run } from './program.js'
import { filledInputs, outputBuffers, postProcess } from './tensors.js'
import { oneByOne } from './ways.js'

await run({
  about: 'Runs batches, into output buffers of the caller. An item that fails does not fail the others.',
  flags: {
    batch: { about: 'items of a batch', least: 1, default: 8 },
    bad: { about: 'an item that gets an input of the wrong size, from 1', least: 0, default: 0 },
  },
  async main({ loops, batch, bad }, { open }) {
    await using engine = await open()
    const items = Array.from({ length: batch }, (_, i) => {
      return i + 1 === bad ? new Uint8Array(3) : filledInputs(engine, i + 1)
    })
    const outputs = items.map(() => outputBuffers(engine))

    const sync = await measure(engine, 'sync', () => oneByOne(engine, filledInputs(engine, 0), loops))
    let results: PromiseSettledResult<Outputs>[] = []
    const batches = await measure(engine, `${loops} batches of ${batch}`, async () => {
      for (let i = 0; i < loops; i++) {
        results = await engine.runBatch(items, { outputs })
        for (const result of results) if (result.status === 'fulfilled') postProcess(result.value)
      }
    })

    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled') {
        const [name = '', first] = Object.entries(result.value)[0] ?? []
        const own = first?.data === outputs[i]?.[name]?.data
        console.log(
          `item ${i + 1}: ${name} ${Number(first?.data[0]).toFixed(3)} ...${own ? ', in its own buffer' : ''}`,
        )
      } else {
        const { code, message } = HalError.from(result.reason)
        console.log(`item ${i + 1}: ${code}: ${message}`)
      }
    }
    console.log(table([sync, batches]))
    console.log(comparison('Batches', batches, sync))
  },
})
