import { Random } from './soak/random.js'

/** When requests come that know nothing of each other: milliseconds from the start, in order, for so many seconds. */
export function poisson(perSecond: number, seconds: number, seed: number): number[] {
  const random = new Random(seed)
  const times: number[] = []
  let time = 0
  while (true) {
    time -= (Math.log(1 - random.next()) * 1000) / perSecond
    if (time >= seconds * 1000) return times
    times.push(time)
  }
}

/** Calls `act` at each of these times, or a timer's millisecond later, whatever becomes of the calls before. */
export async function atTimes(times: readonly number[], act: () => void): Promise<void> {
  const start = performance.now()
  for (const time of times) {
    const left = () => start + time - performance.now()
    // A timer may come a little too early.
    while (left() > 0) await new Promise((resolve) => setTimeout(resolve, left()))
    act()
  }
}
