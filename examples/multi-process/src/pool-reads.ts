import { Pool } from './pool.js'
import { Processes } from './processes.js'
import type { Done, Task } from './task.js'

/** The pictures, read by processes that do everything themselves. */
export async function poolReads({ kill, ...task }: Task): Promise<Done> {
  const pool = await Pool.start(task.processes, task.backend, task.model)
  try {
    for (let i = 0; i < task.processes; i++) await pool.readAll(task.images)
    const processes = new Processes(() => pool.pids)
    const half = Math.ceil(task.pictures.length / 2)
    const lines: string[] = []

    const start = performance.now()
    const answers = await pool.readAll(task.pictures, (read) => {
      if (kill && read === half)
        lines.push(`Process ${processes.kill(true)} was killed after ${read} pictures.`)
    })
    const ms = performance.now() - start
    return { answers, ms, report: [processes.table(), ...lines].join('\n') }
  } finally {
    await pool.end()
  }
}
