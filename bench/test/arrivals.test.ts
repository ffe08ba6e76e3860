import { expect, test } from 'vitest'
import { atTimes, poisson } from '../src/arrivals.js'

test('arrivals are those of their seed, in order, as many as the rate says, at random', () => {
  const times = poisson(500, 20, 7)
  expect(poisson(500, 20, 7)).toEqual(times)
  expect(poisson(500, 20, 8)).not.toEqual(times)
  expect([...times].sort((a, b) => a - b)).toEqual(times)
  expect(times.at(-1)).toBeLessThan(20_000)
  expect(Math.abs(times.length - 10_000)).toBeLessThan(500)
  // Of exponential pauses, 1 in e is longer than the mean.
  const pauses = times.slice(1).map((time, i) => time - (times[i] as number))
  const long = pauses.filter((pause) => pause > 2).length / pauses.length
  expect(Math.abs(long - 1 / Math.E)).toBeLessThan(0.03)
})

test('nothing is called before its time, and nothing is left out', async () => {
  const start = performance.now()
  const called: number[] = []
  await atTimes([0, 1, 1.5, 5], () => called.push(performance.now() - start))
  expect(called).toHaveLength(4)
  for (const [i, time] of [0, 1, 1.5, 5].entries()) expect(called[i]).toBeGreaterThanOrEqual(time - 0.01)
})
