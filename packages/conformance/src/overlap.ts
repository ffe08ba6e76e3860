import type { Device, Isolation } from '@xpu-hal/core'

/** For cases that need a run to be under way while something else happens. */
export function runsOverlap(_: Device, isolation: Isolation): string | undefined {
  return isolation === 'inline'
    ? 'inline, a run is over before its call returns: none waits for another'
    : undefined
}
