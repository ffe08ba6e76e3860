import { parentPort, workerData } from 'node:worker_threads'
import { connectEngine } from '@xpu-hal/core'
import { measure } from './samples.js'

/** Runs on the engine of another thread as often as it is told, several at once. */
async function serve(): Promise<void> {
  const engine = await connectEngine(workerData.handle)
  const x = engine.allocate('x')
  parentPort?.on('message', async ({ inFlight, count }: { inFlight: number; count: number }) => {
    await measure(() => engine.run({ x }), inFlight, count)
    parentPort?.postMessage('done')
  })
  parentPort?.postMessage('ready')
}

serve()
