/** The value that a share of the samples does not exceed. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5)
}

/** What one round of a load measured: times in milliseconds. */
export interface Round {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

/** Keeps `inFlight` calls of `run` under way until `count` are done. */
export async function measure(run: () => Promise<unknown>, inFlight: number, count: number): Promise<Round> {
  const latencies: number[] = []
  let left = count
  const client = async () => {
    while (left-- > 0) {
      const start = performance.now()
      await run()
      latencies.push(performance.now() - start)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: inFlight }, client))
  const perSecond = (count / (performance.now() - start)) * 1000
  return { perSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }
}

/**
 * How many milliseconds the event loop of this thread keeps a timer waiting at the 99th percentile under such a load. In a
 * round of its own, because the timers take time from what they watch.
 */
export async function loopDelay(
  run: () => Promise<unknown>,
  inFlight: number,
  count: number,
): Promise<number> {
  const delays: number[] = []
  let running = true
  const load = measure(run, inFlight, count).finally(() => {
    running = false
  })
  while (running) {
    const due = performance.now() + 1
    await new Promise((resolve) => setTimeout(resolve, 1))
    delays.push(Math.max(performance.now() - due, 0))
  }
  await load
  return percentile(delays, 0.99)
}
