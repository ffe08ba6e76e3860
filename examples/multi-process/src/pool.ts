import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answer, BackendName } from '@xpu-hal/example-gauges'

const script = fileURLToPath(new URL('./pool-process.js', import.meta.url))

/** A picture for a process. */
export interface Task {
  readonly picture: number
  readonly file: string
}

/** Processes that decode, run and read for themselves, each with a HAL and a model of its own. */
export class Pool {
  private constructor(private readonly processes: readonly ChildProcess[]) {}

  /** @throws Error when a process ends before it has loaded the model; it has said why on stderr */
  static async start(count: number, backend: BackendName, model: string): Promise<Pool> {
    const processes = Array.from({ length: count }, () => fork(script, [backend, model]))
    const pool = new Pool(processes)
    try {
      await Promise.all(processes.map((child) => reply(child)))
      return pool
    } catch (error) {
      await pool.end()
      throw error
    }
  }

  get pids(): number[] {
    return this.processes.filter(isAlive).flatMap(({ pid }) => pid ?? [])
  }

  /**
   * Gives each process the next picture when it is free. A picture whose process dies goes to another one.
   * @throws Error when all of them have died
   */
  async readAll(pictures: readonly string[], onAnswer: (read: number) => void = () => {}): Promise<Answer[]> {
    const answers: Answer[] = []
    const tasks: Task[] = pictures.map((file, picture) => ({ picture, file }))
    const feed = async (child: ChildProcess) => {
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
        try {
          child.send(task, () => {}) // Where it has died, the reply says so.
          answers.push((await reply(child)) as Answer)
          onAnswer(answers.length)
        } catch {
          tasks.unshift(task)
          return
        }
      }
    }
    while (answers.length < pictures.length) {
      const alive = this.processes.filter(isAlive)
      if (alive.length === 0) throw new Error('all processes of the pool have died')
      await Promise.all(alive.map(feed))
    }
    return answers
  }

  async end(): Promise<void> {
    const exits = this.processes.filter(isAlive).map((child) => once(child, 'exit'))
    for (const child of this.processes) if (child.connected) child.disconnect()
    await Promise.all(exits)
  }
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

/** The next message of a process. Rejects when it has ended, or ends instead. */
async function reply(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const exit = () => ended.abort(new Error(`process ${child.pid} of the pool has ended`))
  if (!isAlive(child)) exit()
  child.once('exit', exit)
  try {
    const [message] = await once(child, 'message', { signal: ended.signal })
    return message
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error
  } finally {
    child.off('exit', exit)
  }
}
