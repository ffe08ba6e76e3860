import { Worker } from 'node:worker_threads'
import type { Engine } from '@xpu-hal/core'
import type { threadTasks } from './thread-tasks.js'

type Tasks = typeof threadTasks

export interface ThreadOrder {
  readonly id: number
  readonly task: keyof Tasks
  readonly argument: unknown
}

export interface ThreadAnswer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
}

// The suite's own tests run it from its sources, where the worker is the one that was built.
const fromSources = import.meta.url.endsWith('.ts')
const script = new URL(fromSources ? '../dist/thread-worker.js' : './thread-worker.js', import.meta.url)

/** A worker thread that uses an engine by a handle of its own. */
export class Thread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #last = 0

  constructor(engine: Engine) {
    const handle = engine.share()
    this.#worker = new Worker(script, { workerData: { handle }, transferList: [handle] })
    this.#worker.on('message', ({ id, value, error }: ThreadAnswer) => {
      if (error === undefined) this.#pending.get(id)?.resolve(value)
      else this.#pending.get(id)?.reject(new Error(`on the thread: ${error}`))
      this.#pending.delete(id)
    })
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    this.#worker.on('exit', () => this.#fail(new Error('the thread has ended')))
  }

  do<T extends keyof Tasks>(
    task: T,
    argument?: Parameters<Tasks[T]>[1],
  ): Promise<Awaited<ReturnType<Tasks[T]>>> {
    return new Promise((resolve, reject) => {
      const id = ++this.#last
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#worker.postMessage({ id, task, argument } satisfies ThreadOrder)
    })
  }

  /** Ends it wherever it is. */
  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}

/** So many threads that use an engine; they end with the work. */
export async function withThreads(
  engine: Engine,
  count: number,
  work: (...threads: Thread[]) => Promise<void>,
): Promise<void> {
  const threads = Array.from({ length: count }, () => new Thread(engine))
  try {
    await work(...threads)
  } finally {
    await Promise.all(threads.map((thread) => thread.end()))
  }
}
