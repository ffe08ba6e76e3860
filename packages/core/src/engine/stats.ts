import type { EngineStats, Percentiles } from '../engine.js'
import type { HalError } from '../errors.js'

/** Buckets grow by 2 %, from 0.1 us to more than a day: 1,400 of them. */
const GROWTH = Math.log(1.02)
const SMALLEST_MS = 1e-4
const BUCKETS = 1400

/** Durations in milliseconds, kept as counts in buckets: constant memory, percentiles within 2 %. */
export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS)
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  add(ms: number): void {
    const bucket = ms <= SMALLEST_MS ? 0 : Math.ceil(Math.log(ms / SMALLEST_MS) / GROWTH)
    const index = Math.min(bucket, BUCKETS - 1)
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1
    this.#count++
    this.#sum += ms
    this.#min = Math.min(this.#min, ms)
    this.#max = Math.max(this.#max, ms)
  }

  summary(): Percentiles {
    if (this.#count === 0) return { count: 0, min: 0, mean: 0, p50: 0, p90: 0, p99: 0, max: 0 }
    return {
      count: this.#count,
      min: this.#min,
      mean: this.#sum / this.#count,
      p50: this.#percentile(0.5),
      p90: this.#percentile(0.9),
      p99: this.#percentile(0.99),
      max: this.#max,
    }
  }

  #percentile(share: number): number {
    let rest = Math.ceil(this.#count * share)
    const index = this.#buckets.findIndex((count) => {
      rest -= count
      return rest <= 0
    })
    const middle = SMALLEST_MS * Math.exp(GROWTH * (index - 0.5))
    return Math.min(Math.max(middle, this.#min), this.#max)
  }
}

/** The counters and histograms behind `engine.stats()`. */
export class Stats {
  accepted = 0
  succeeded = 0
  failed = 0
  cancelled = 0
  timedOut = 0
  repeated = 0
  refused = 0
  callbackErrors = 0
  strayAnswers = 0
  bytesCopied = 0
  readonly queueWait = new Histogram()
  readonly run = new Histogram()
  readonly batchSize = new Histogram()
  readonly latency = new Histogram()

  /** Counts a run that has its result. `times` are those of its execution, if it executed. */
  settled(
    submittedAt: number,
    settledAt: number,
    times: { startedAt: number; endedAt: number } | undefined,
    error: HalError | undefined,
  ): void {
    if (error === undefined) this.succeeded++
    else if (error.code === 'HAL_ABORTED') this.cancelled++
    else if (error.code === 'HAL_DEADLINE_EXCEEDED') this.timedOut++
    else this.failed++
    this.latency.add(settledAt - submittedAt)
    if (times === undefined) return
    this.queueWait.add(times.startedAt - submittedAt)
    this.run.add(times.endedAt - times.startedAt)
  }

  summary(load: number): EngineStats {
    return {
      ...this,
      load,
      queueWait: this.queueWait.summary(),
      run: this.run.summary(),
      batchSize: this.batchSize.summary(),
      latency: this.latency.summary(),
    }
  }
}
