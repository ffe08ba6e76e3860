import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Engine, EngineHandle } from '@xpu-hal/core'
import type { Answer } from '@xpu-hal/example-gauges'

const script = new URL('./thread.js', import.meta.url)

/** What a thread is started with. */
export interface Seed {
  readonly handle: EngineHandle
}

/** Pictures for whichever threads are given this. */
export interface Job {
  readonly pictures: readonly string[]
  /** How many of them are taken, in memory that the threads share. */
  readonly taken: Int32Array
}

/** A thread with a preprocessor, a runtime and a postprocessor of its own. */
export class PredictorThread {
  private constructor(private readonly worker: Worker) {}

  /** @throws what went wrong in the thread */
  static async start(engine: Engine): Promise<PredictorThread> {
    const handle = engine.share()
    const seed: Seed = { handle }
    const worker = new Worker(script, { workerData: seed, transferList: [handle] })
    await once(worker, 'message')
    return new PredictorThread(worker)
  }

  async work(job: Job): Promise<Answer[]> {
    this.worker.postMessage(job)
    const [answers] = await once(this.worker, 'message')
    return answers as Answer[]
  }

  async end(): Promise<void> {
    this.worker.postMessage('end')
    await once(this.worker, 'exit')
  }
}

/** Spreads the pictures over the threads: each takes the next one when it is free. One list of answers a thread. */
export function spread(
  threads: readonly PredictorThread[],
  pictures: readonly string[],
): Promise<Answer[][]> {
  const taken = new Int32Array(new SharedArrayBuffer(4))
  return Promise.all(threads.map((thread) => thread.work({ pictures, taken })))
}
