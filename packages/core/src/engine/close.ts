import type { EngineDriver } from '../backend.js'
import { HalError } from '../errors.js'
import type { Pipeline } from './pipeline.js'
import { LONGEST_MS } from './watch.js'

/** Shuts the door, lets the accepted runs settle, and frees everything; within `timeout` ms if not 0. */
export async function close(
  pipeline: Pipeline,
  free: () => Promise<void>,
  engine: string,
  timeout: number,
): Promise<void> {
  pipeline.barrier = () => new HalError('HAL_FAILED_PRECONDITION', `${engine} is closed`, { engine })
  pipeline.admission.refuseAll(
    new HalError('HAL_ABORTED', `${engine} was closed before the run was accepted`, { engine }),
  )
  const deadline = deadlineIn(timeout)
  if (!(await within(pipeline.admission.idle(), deadline))) {
    pipeline.failAll(
      new HalError('HAL_ABORTED', `${engine} was closed with a timeout of ${timeout} ms`, { engine }),
    )
  }
  // Also where it fails: its cores are for others.
  const closed = free().finally(() => pipeline.detach())
  if (await within(closed, deadline)) return
  throw new HalError(
    'HAL_DEADLINE_EXCEEDED',
    `${engine} did not close within ${timeout} ms: its runtime is still inside a native call`,
    { engine },
  )
}

/** All of them, also where one fails. */
export async function closeAll(drivers: readonly EngineDriver[]): Promise<void> {
  const closed = await Promise.allSettled(drivers.map((driver) => driver.doClose()))
  for (const result of closed) if (result.status === 'rejected') throw result.reason
}

/** The time of `performance.now()` that is `timeout` ms away; never, for 0 and for more than a timer can hold. */
export function deadlineIn(timeout: number): number {
  const limited = timeout > 0 && timeout <= LONGEST_MS
  return limited ? performance.now() + timeout : Number.POSITIVE_INFINITY
}

/** False when the deadline passes first. Work that fails afterwards is nobody's business any more. */
export async function within(work: Promise<unknown>, deadline: number): Promise<boolean> {
  if (deadline === Number.POSITIVE_INFINITY) {
    await work
    return true
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.max(deadline - performance.now(), 0), false)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
    work.catch(() => {})
  }
}
