import type { Engine, EngineOptions, Outputs } from '@xpu-hal/core'
import type { CaseContext } from '../case.js'

/** One core and one worker, so that runs form a queue, and a `maxLoad` that never gets in the way. */
export const serial: EngineOptions = { boundOption: 'NPU_0', workers: 1, maxLoad: 64 }

/** How many runs of `slow` are surely more than a device takes at hand on one core. */
export const BACKLOG = 8

/**
 * Submits `count` runs of `slow` in one go: no answer can come before this returns, so that the last ones are queued.
 * Each promise must be awaited, or its failure is unhandled.
 */
export function backlog(engine: Engine, context: CaseContext, count = BACKLOG): Promise<Outputs>[] {
  const { inputs } = context.sample('slow')
  return Array.from({ length: count }, () => engine.run(inputs))
}

/** The ids of the runs of an engine, in the order in which they settle. */
export function settlements(engine: Engine): number[] {
  const jobs: number[] = []
  engine.on('run', ({ job }) => jobs.push(job))
  return jobs
}

/** A promise and the function that fulfils it. */
export function signalled<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
