import { parentPort, workerData } from 'node:worker_threads'
import { connectEngine } from '@xpu-hal/core'
import { type Answer, answer, Predictor } from '@xpu-hal/example-gauges'
import type { Job, Seed } from './predictor-thread.js'

const { handle } = workerData as Seed
const engine = await connectEngine(handle)
const predictor = new Predictor(engine)

parentPort?.on('message', async (job: Job | 'end') => {
  if (job === 'end') {
    await engine.close()
    parentPort?.close()
  } else parentPort?.postMessage(await work(job))
})
parentPort?.postMessage('ready')

/** Takes pictures until all threads together have taken them all. */
async function work({ pictures, taken }: Job): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let i = take(taken); i < pictures.length; i = take(taken)) {
    answers.push(await answer(predictor, pictures, i))
  }
  return answers
}

function take(taken: Int32Array): number {
  return Atomics.add(taken, 0, 1)
}
