import { setTimeout as delay } from 'node:timers/promises'
import { type BackendSource, createHal, type Engine, type EngineOptions } from '@xpu-hal/core'
import { type Footprint, footprint } from '../footprint.js'
import { Books } from './books.js'
import { Callbacks } from './callbacks.js'
import { Random } from './random.js'
import { double, prepare } from './samples.js'
import { Submitter } from './submitter.js'

const SUBMITTERS = 4
/** Between two of them everything comes to rest and is measured; the first ones warm up. */
const STRETCHES = 25
const WARM_UP = 5
/** Milliseconds without a single settled run after which those under way count as lost. */
const STALLED_AFTER = 30_000

export interface SoakOptions {
  readonly backend: BackendSource
  readonly engine: EngineOptions
  /** Size of the tensors, float32. */
  readonly elements: number
  readonly runs: number
  readonly seed: number
}

export interface Soaked {
  readonly seconds: number
  readonly accepted: number
  readonly settled: number
  readonly succeeded: number
  readonly cancelled: number
  readonly timedOut: number
  readonly failed: number
  /** Given up or refused before they were accepted. */
  readonly turnedAway: number
  readonly wrong: number
  /** By how many runs the engines, their events and their submitters disagree. */
  readonly lost: number
  readonly samples: readonly Sample[]
}

export interface Sample extends Footprint {
  readonly runs: number
}

/**
 * Two engines on one device, one of them with a callback, each with 4 submitters that run, wait, batch and stream at random
 * and give up at random, until `runs` runs have settled.
 */
export async function soak({ backend, engine, elements, runs, seed }: SoakOptions): Promise<Soaked> {
  const start = performance.now()
  const random = new Random(seed)
  await using hal = createHal({ backends: [backend] })
  const model = double(elements)
  const plain = await hal.openEngine(model, engine)
  const called = await hal.openEngine(model, engine)
  const lots = [new Lot(plain, random, elements, false), new Lot(called, random, elements, true)]
  const total = (of: (lot: Lot) => number) => lots.reduce((sum, lot) => sum + of(lot), 0)
  const settled = () => total(({ books }) => books.settled)
  const samples: Sample[] = []
  for (let i = 1; i <= STRETCHES; i++) {
    const enough = () => settled() >= (runs * i) / STRETCHES
    await unlessStalled(Promise.all(lots.map((lot) => lot.submitUntil(enough))), settled)
    // What was given up may execute for a little while yet, and hold its tensors.
    await delay(20)
    if (i > WARM_UP) samples.push({ runs: settled(), ...footprint() })
  }
  const seconds = (performance.now() - start) / 1000
  const stats = lots.map((lot) => lot.engine.stats())
  const counted = (name: 'accepted' | 'succeeded' | 'cancelled' | 'timedOut' | 'failed') =>
    stats.reduce((sum, each) => sum + each[name], 0)
  return {
    seconds,
    accepted: counted('accepted'),
    settled: settled(),
    succeeded: counted('succeeded'),
    cancelled: counted('cancelled'),
    timedOut: counted('timedOut'),
    failed: counted('failed'),
    turnedAway: total(({ books }) => books.turnedAway + books.refused),
    wrong: total(({ books }) => books.wrong),
    lost: total((lot) => lot.lost),
    samples,
  }
}

/** An engine and those who submit to it. */
class Lot {
  readonly books = new Books()
  readonly #callbacks: Callbacks | undefined
  readonly #submitters: readonly Submitter[]

  constructor(
    readonly engine: Engine,
    random: Random,
    elements: number,
    hasCallback: boolean,
  ) {
    this.books.watch(engine)
    this.#callbacks = hasCallback ? new Callbacks(engine, this.books, random) : undefined
    const samples = prepare(engine, elements)
    const never = new AbortController().signal
    this.#submitters = Array.from({ length: SUBMITTERS }, () => {
      const own = new Random(random.below(2 ** 32))
      return new Submitter(engine, this.books, samples, own, never, this.#callbacks)
    })
  }

  async submitUntil(enough: () => boolean): Promise<void> {
    const work = async (submitter: Submitter) => {
      while (!enough()) await submitter.submit()
      submitter.release()
    }
    await Promise.all(this.#submitters.map(work))
  }

  get lost(): number {
    const { books, engine } = this
    return (
      books.lost(engine, this.#callbacks !== undefined) + books.unexpected + (this.#callbacks?.unclaimed ?? 0)
    )
  }
}

/** @throws Error when the runs under way do not settle */
async function unlessStalled(work: Promise<unknown>, settled: () => number): Promise<void> {
  let last = -1
  let timer: NodeJS.Timeout | undefined
  const stalled = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (settled() === last) reject(new Error(`after ${last} runs the next ones do not settle`))
      last = settled()
    }, STALLED_AFTER)
  })
  await Promise.race([work, stalled]).finally(() => clearInterval(timer))
}
