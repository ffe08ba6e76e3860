import { availableParallelism } from 'node:os'
import type { Logger } from '@xpu-hal/core/backend'
import type { WorkerInfo } from '../runner.js'
import { WorkerThread } from './worker-thread.js'

/** Of one runner module. Each keeps about 8 MB. */
const MAX_IDLE = Math.max(4, availableParallelism())

/** By URL of the runner module. */
const idle = new Map<string, Set<WorkerThread>>()

/**
 * A worker thread for a runner module: one that an engine has given back, or a new one. A thread costs 30 to 80 ms to
 * start, and native addons keep what they know of a thread after its end (koffi 3.3: 82 KB), so that an application that
 * opens and closes engines for weeks would grow.
 */
export function takeThread(module: string, worker: WorkerInfo, logger: Logger): WorkerThread {
  for (const thread of idle.get(module) ?? []) {
    forget(thread)
    if (thread.lost !== undefined) continue
    thread.worker = worker
    thread.logger = logger
    return thread
  }
  const thread = new WorkerThread(module, worker, logger)
  void thread.exited.then(() => forget(thread))
  return thread
}

/** Takes back a thread whose runner is closed and whose model is unloaded; ends it where enough are idle. */
export async function giveBackThread(thread: WorkerThread): Promise<void> {
  try {
    await thread.rest()
  } catch {
    // It has died, with nothing in its hands that anybody would miss.
    return
  }
  const others = idle.get(thread.module) ?? new Set()
  if (others.size >= MAX_IDLE) return thread.end()
  idle.set(thread.module, others.add(thread))
}

/**
 * Ends the worker threads that no engine of this runner module uses. For `doClose` of a backend; they keep no process alive.
 */
export async function endIdleWorkers(module: URL): Promise<void> {
  const threads = [...(idle.get(module.href) ?? [])]
  idle.delete(module.href)
  await Promise.all(threads.map((thread) => thread.end()))
}

function forget(thread: WorkerThread): void {
  const others = idle.get(thread.module)
  if (others?.delete(thread) && others.size === 0) idle.delete(thread.module)
}
