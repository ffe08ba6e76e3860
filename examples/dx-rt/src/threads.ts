import { once } from 'node:events'
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'
import { connectEngine, type Engine, type EngineHandle } from '@xpu-hal/core'

interface Given<T> {
  readonly handle: EngineHandle
  readonly data: T
}

/** A thread that uses the engine of this one. */
export interface Thread {
  readonly worker: Worker
  /** What it posted, in order, once it has ended. @throws Error that it threw. */
  readonly ended: Promise<readonly unknown[]>
}

/** Starts a thread for each of `data` on the same file, and lets them go once all are connected. */
export async function startThreads<T>(file: string, engine: Engine, data: readonly T[]): Promise<Thread[]> {
  const workers = data.map((own) => {
    const handle = engine.share()
    return new Worker(new URL(file), {
      workerData: { handle, data: own } satisfies Given<T>,
      transferList: [handle],
    })
  })
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  return workers.map((worker) => {
    const ended = collect(worker)
    ended.catch(() => {}) // For whoever looks at it later.
    return { worker, ended }
  })
}

/** All at the same time. */
export function go(threads: readonly Thread[]): void {
  for (const { worker } of threads) worker.postMessage('go')
}

async function collect(worker: Worker): Promise<readonly unknown[]> {
  const messages: unknown[] = []
  worker.on('message', (message) => messages.push(message))
  await once(worker, 'exit')
  return messages
}

/** In such a thread: the engine, what is this thread's own, and the way to the thread that started it. */
export interface InThread<T> {
  readonly engine: Engine
  readonly data: T
  readonly main: MessagePort
}

/** To be called first in such a thread; goes on when all of them may. */
export async function joinThreads<T>(): Promise<InThread<T>> {
  if (parentPort === null) throw new Error('this is the main thread')
  const { handle, data } = workerData as Given<T>
  const engine = await connectEngine(handle)
  parentPort.postMessage('ready')
  await once(parentPort, 'message')
  return { engine, data, main: parentPort }
}
