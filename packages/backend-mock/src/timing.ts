import { HalError } from '@xpu-hal/core/backend'
import { random } from './random.js'

/**
 * Milliseconds: always the same, spread evenly between `min` and `max`, or normally distributed (what falls below 0
 * becomes 0).
 */
export type Duration =
  | number
  | { readonly min: number; readonly max: number }
  | { readonly mean: number; readonly stdDev: number }

/** One duration for all cores of a device, or one for each core in order. */
export type CoreDuration = Duration | readonly Duration[]

export interface Times {
  /**
   * How long a core works on a run, the real arithmetic included. An answer comes later than that when the arithmetic
   * takes longer, but the figures of the run say exactly this. Default 0: as long as the arithmetic takes.
   */
  readonly computeMs?: CoreDuration
  /**
   * How much longer it works for each row: dimension 0 of the first input, 1 for a scalar. A model whose cost per row falls
   * with the size of a batch has both. Default 0.
   */
  readonly computeMsPerRow?: CoreDuration
  /** How long the tensors take to the device and back; the core is free meanwhile. Default 0. */
  readonly transferMs?: CoreDuration
}

/** Their names. */
export const TIMES: readonly (keyof Times)[] = ['computeMs', 'computeMsPerRow', 'transferMs']

export interface RunTime {
  /** Nanoseconds. */
  readonly compute: bigint
  readonly transfer: bigint
}

/** Draws the times of an engine's runs: the n-th run takes the same time whenever the seed is the same. */
export class Timing {
  private readonly next: () => number

  constructor(
    private readonly times: Times,
    seed: number,
  ) {
    this.next = random(seed)
  }

  /**
   * @param core position of the core
   * @param rows of the run
   */
  draw(core: number, rows: number): RunTime {
    const { computeMs, computeMsPerRow, transferMs } = this.times
    const compute = this.sample(computeMs, core)
    const transfer = this.sample(transferMs, core)
    if (computeMsPerRow === undefined) return { compute, transfer }
    return { compute: compute + BigInt(rows) * this.sample(computeMsPerRow, core), transfer }
  }

  private sample(of: CoreDuration = 0, core: number): bigint {
    // Always two draws, so that a run's time does not depend on where the runs before it were executed.
    const [a, b] = [this.next(), this.next()]
    const duration = isList(of) ? (of[core] ?? 0) : of
    return BigInt(Math.round(milliseconds(duration, a, b) * 1e6))
  }
}

function milliseconds(duration: Duration, a: number, b: number): number {
  if (typeof duration === 'number') return duration
  if ('min' in duration) return duration.min + a * (duration.max - duration.min)
  const normal = Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b)
  return Math.max(0, duration.mean + duration.stdDev * normal)
}

/** @throws HalError HAL_INVALID_ARGUMENT naming the duration that can not be. */
export function checkTimes(times: Times, cores: number, where: string): void {
  for (const name of TIMES) {
    const of = times[name]
    if (of === undefined) continue
    if (isList(of) && of.length !== cores) {
      throw invalid(`${where}${name} has ${of.length} entries, but the device has ${cores} cores`)
    }
    for (const duration of isList(of) ? of : [of]) {
      if (!isDuration(duration)) {
        throw invalid(
          `${where}${name}: expected milliseconds from 0, { min, max } or { mean, stdDev }, got ${JSON.stringify(duration)}`,
        )
      }
    }
  }
}

function isDuration(duration: unknown): boolean {
  const isTime = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0
  if (typeof duration !== 'object' || duration === null) return isTime(duration)
  const { min, max, mean, stdDev } = duration as Record<string, unknown>
  if (mean === undefined) return isTime(min) && isTime(max) && Number(min) <= Number(max)
  return isTime(mean) && isTime(stdDev)
}

function isList(of: CoreDuration): of is readonly Duration[] {
  return Array.isArray(of)
}

function invalid(message: string): HalError {
  return new HalError('HAL_INVALID_ARGUMENT', `mock: ${message}`)
}
