import {
  type Engine,
  type EngineStats,
  HalError,
  type Inputs,
  type Outputs,
  type RunMetrics,
} from '@xpu-hal/core'

/** What became of one task: outputs, or the error that its client got. */
export interface Task {
  /** From 0. */
  readonly client: number
  /** From 1. */
  readonly task: number
  /** Milliseconds as the client sees them. */
  readonly ms: number
  /** What the engine says of it; missing where it never got in. */
  readonly metrics?: RunMetrics
  readonly outcome: { readonly outputs: Outputs } | { readonly error: HalError }
}

export interface Session {
  readonly workers: number
  readonly tasks: readonly Task[]
  readonly totalMs: number
  readonly stats: EngineStats
}

export interface Load {
  readonly clients: number
  readonly tasks: number
  readonly timeout: number
  /** Inputs of a task; called when the client sends it. */
  inputsFor(client: number, task: number): Inputs
  /** Told of every task as it ends. */
  onTask?(task: Task): void
}

/** All clients at once, each with one task after the other. A task that fails does not end its client. */
export async function runClients(engine: Engine, load: Load): Promise<Session> {
  const metrics = new Map<number, RunMetrics>()
  const collect = (run: RunMetrics) => metrics.set(run.job, run)
  engine.on('run', collect)
  engine.resetStats()
  const start = performance.now()
  const clients = Array.from({ length: load.clients }, async (_, client) => {
    const done: Task[] = []
    for (let task = 1; task <= load.tasks; task++) {
      const result = await runTask(engine, load, client, task, metrics)
      load.onTask?.(result)
      done.push(result)
    }
    return done
  })
  const tasks = (await Promise.all(clients)).flat()
  const totalMs = performance.now() - start
  engine.off('run', collect)
  return { workers: Number(engine.options.workers), tasks, totalMs, stats: engine.stats() }
}

async function runTask(
  engine: Engine,
  { timeout, inputsFor }: Load,
  client: number,
  task: number,
  metrics: ReadonlyMap<number, RunMetrics>,
): Promise<Task> {
  const start = performance.now()
  let job: number | undefined
  const result = (outcome: Task['outcome']): Task => {
    const run = job === undefined ? undefined : metrics.get(job)
    return { client, task, ms: performance.now() - start, outcome, ...(run && { metrics: run }) }
  }
  try {
    job = await engine.runAsync(inputsFor(client, task), undefined, { timeout })
    return result({ outputs: await engine.wait(job) })
  } catch (error) {
    if (!HalError.isInstance(error)) throw error
    return result({ error })
  }
}
