import { createHal } from '@xpu-hal/core'
import { childrenOf, chooseBackend } from '@xpu-hal/example-gauges'
import { Killing } from './killing.js'
import { Processes } from './processes.js'
import type { Done, Task } from './task.js'
import { openWorkers, readAll } from './workers.js'

/** The pictures, read by an engine whose runtime works in other processes. */
export async function workersRead(task: Task): Promise<Done> {
  const { processes: count, pictures } = task
  await using hal = createHal({ backends: [chooseBackend(task.backend, count)] })
  const engine = await openWorkers(hal, task.model, task)
  for (let i = 0; i < count; i++) await readAll(engine, count, task.images)
  engine.resetStats()
  const processes = new Processes(() => childrenOf(process.pid))
  const killing = task.kill ? new Killing(engine, processes, task) : undefined

  const start = performance.now()
  const answers = await readAll(engine, count, pictures, (read) => killing?.consider(read))
  const ms = performance.now() - start
  const copied = `Copied between the processes: ${engine.stats().bytesCopied} bytes of tensors.`
  const story = (await killing?.story()) ?? []
  return { answers, ms, report: [processes.table(), ...story, copied].join('\n') }
}
