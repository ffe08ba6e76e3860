import { comparison, measure, table } from './measure.js'
import { run } from './program.js'
import { filledInputs, postProcess } from './tensors.js'
import { oneByOne } from './ways.js'

/** As many are enough to compare with. */
const SYNC_RUNS = 30

/** Goes with a run, and comes back with its outputs. */
interface UserArg {
  readonly index: number
}

await run({
  about: 'Submits runs to all cores; a callback gets the outputs, each with the user argument of its run.',
  flags: {
    ordered: { about: 'calls back in the order of submission', default: false },
    'max-load': { about: 'runs that may be under way; one more waits', least: 1, default: 10 },
  },
  // Runs overtake each other where they take unequal times.
  simulated: { computeMs: { min: 8, max: 12 } },
  async main({ loops, ordered, 'max-load': maxLoad }, { open }) {
    await using engine = await open({ ordered, maxLoad })
    const inputs = filledInputs(engine, 0)
    const interrupt = new AbortController()
    process.once('SIGINT', () => interrupt.abort())

    const sync = await measure(engine, 'sync', () => oneByOne(engine, inputs, Math.min(loops, SYNC_RUNS)))

    const order: number[] = []
    engine.registerCallback((outputs, userArg) => {
      postProcess(outputs) // They are valid until this function returns.
      order.push((userArg as UserArg).index)
    })
    let submitted = 0
    let waited = 0
    let underWay = 0
    let ticks = 0
    console.log('submitting; Ctrl-C stops it')
    const timer = setInterval(() => ticks++, 1)
    const async = await measure(engine, 'async', async () => {
      while (submitted < loops && !interrupt.signal.aborted) {
        if (engine.load >= maxLoad) waited++
        await engine.runAsync(inputs, { index: submitted } satisfies UserArg)
        submitted++
      }
      underWay = engine.load
      await engine.close()
    })
    clearInterval(timer)

    if (interrupt.signal.aborted) {
      console.log('interrupted: nothing more was submitted')
      process.exitCode = 130
    }
    console.log(
      `${submitted} runs submitted; ${waited} waited for room, while a timer went off ${ticks} times`,
    )
    console.log(`closed with ${underWay} under way; called back after all: ${order.length} of ${submitted}`)
    console.log(`called back in the order ${order.slice(0, 30).join(' ')}${order.length > 30 ? ' ...' : ''}`)
    console.log(table([sync, async]))
    console.log(comparison('async', async, sync))
  },
})
