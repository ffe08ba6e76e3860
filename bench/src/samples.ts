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
  readonly loopDelayP99: number
}

/** How long the event loop of this thread keeps a timer waiting, sampled while `load` runs. */
async function loopDelays(load: Promise<unknown>): Promise<number[]> {
  const delays: number[] = []
  let running = true
  const ended = load.finally(() => {
    running = false
  })
  while (running) {
    const due = performance.now() + 1
    await new Promise((resolve) => setTimeout(resolve, 1))
    delays.push(Math.max(performance.now() - due, 0))
  }
  await ended
  return delays
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
  let end = start
  const load = Promise.all(Array.from({ length: inFlight }, client)).then(() => {
    end = performance.now()
  })
  const delays = await loopDelays(load)
  return {
    perSecond: (count / (end - start)) * 1000,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    loopDelayP99: percentile(delays, 0.99),
  }
}

/** The median of each figure over several rounds. */
export function medianRound(rounds: readonly Round[]): Round {
  const of = (name: keyof Round) => median(rounds.map((round) => round[name]))
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), loopDelayP99: of('loopDelayP99') }
}
