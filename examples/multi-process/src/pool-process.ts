import { createHal } from '@xpu-hal/core'
import { answer, type BackendName, chooseBackend, Predictor } from '@xpu-hal/example-gauges'
import type { Task } from './pool.js'
import { workersOn } from './workers.js'

/** `BACKEND MODEL`: a process that does everything itself. It answers one message a picture, and ends when nobody sends any more. */
const [backend, model] = process.argv.slice(2) as [BackendName, string]

const hal = createHal({ backends: [chooseBackend(backend, 1)] })
const engine = await hal.openEngine(model, workersOn(backend, 1))
const predictor = new Predictor(engine)
process.on('message', async ({ picture, file }: Task) => {
  process.send?.({ ...(await answer(predictor, [file], 0)), picture })
})
process.once('disconnect', () => hal.close())
process.send?.('ready')
