import { type Engine, type EngineStats, HalError, type Inputs } from '@xpu-hal/core'

export interface Throughput {
  /** Requests a second. */
  readonly rate: number
  readonly stats: EngineStats
}

/** A client for each of the inputs: all send at the same time, each one request after the other. */
export async function measure(
  engine: Engine,
  inputs: readonly Inputs[],
  requests: number,
): Promise<Throughput> {
  engine.resetStats()
  const start = performance.now()
  await Promise.all(
    inputs.map(async (own) => {
      for (let i = 0; i < requests; i++) await engine.run(own)
    }),
  )
  const seconds = (performance.now() - start) / 1000
  return { rate: (inputs.length * requests) / seconds, stats: engine.stats() }
}

/** How each of these ended: `ok`, or the code of its error. */
export async function endings(runs: readonly Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(runs)
  return results.map((result) => {
    if (result.status === 'fulfilled') return 'ok'
    if (HalError.isInstance(result.reason)) return result.reason.code
    throw result.reason
  })
}
