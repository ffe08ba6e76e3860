import { parentPort, workerData } from 'node:worker_threads'
import { connectEngine, type EngineHandle } from '@xpu-hal/core'
import type { ThreadAnswer, ThreadOrder } from './thread.js'
import { threadTasks } from './thread-tasks.js'

async function serve(): Promise<void> {
  const engine = await connectEngine(workerData.handle as EngineHandle)
  parentPort?.on('message', async ({ id, task, argument }: ThreadOrder) => {
    const perform = threadTasks[task] as (of: typeof engine, given: unknown) => unknown
    let answer: ThreadAnswer
    try {
      answer = { id, value: await perform(engine, argument) }
    } catch (error) {
      answer = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
    parentPort?.postMessage(answer)
  })
}

serve()
