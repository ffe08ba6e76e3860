import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Priority, RunOptions } from '@xpu-hal/core'
import type { Random } from './random.js'

const PRIORITIES: readonly Priority[] = ['low', 'normal', 'high']

/** When a submitter loses its patience: before it submits, as soon as it has, with other work, or later. */
const MOMENTS: readonly (() => Promise<unknown> | undefined)[] = [
  () => undefined,
  () => Promise.resolve(),
  () => setImmediate(),
  () => setTimeout(1),
]

/** Options of a run: for most runs none, for some a timeout, or a signal that aborts early, late or never. */
export function randomOptions(random: Random, never: AbortSignal): RunOptions {
  const draw = random.next()
  return {
    ...(random.chance(0.3) && { priority: random.pick(PRIORITIES) }),
    ...(draw < 0.12 && { signal: abortedSoon(random) }),
    ...(draw > 0.4 && draw < 0.5 && { signal: never }),
    ...(draw > 0.85 && { timeout: 1 + random.below(4) }),
  }
}

function abortedSoon(random: Random): AbortSignal {
  const controller = new AbortController()
  const moment = random.pick(MOMENTS)()
  if (moment === undefined) controller.abort()
  else moment.then(() => controller.abort())
  return controller.signal
}
