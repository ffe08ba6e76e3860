import { expect, test } from 'vitest'
import { Due } from '../src/due.js'
import type { Receiving } from '../src/quirks.js'

/** A run on a runtime that needs `service` and behaves as `really`. Returns when the answer was there for the host. */
function run(due: Due, service: number, really: Receiving, nap = 100): number {
  let time = due.first()
  for (;;) {
    const asked = time
    const ready = time >= service
    if (really === 'waits' && !ready) time = service
    if (really === 'sleeps' && !ready) time += nap
    if (ready || really === 'waits') {
      due.received(asked, time - asked)
      return time
    }
    due.missed(asked, time - asked)
    time += due.pause(time, time - asked)
  }
}

const runs = (due: Due, count: number, service: number, really: Receiving) =>
  Array.from({ length: count }, () => run(due, service, really))

const beginnings: Receiving[] = ['waits', 'polls', 'sleeps']

test.each(beginnings)(
  'a runtime that sleeps is asked just after the answer is there (begun as %s)',
  (begun) => {
    const times = runs(new Due(begun), 200, 2.5, 'sleeps').slice(20)
    expect(Math.max(...times)).toBeLessThanOrEqual(2.5 * 1.25)
  },
)

test.each(beginnings)('a runtime that waits is asked at once (begun as %s)', (begun) => {
  const times = runs(new Due(begun), 200, 2.5, 'waits').slice(20)
  expect(Math.max(...times)).toBe(2.5)
})

test.each(beginnings)('a runtime that is polled answers within a few percent (begun as %s)', (begun) => {
  const times = runs(new Due(begun), 200, 40, 'polls').slice(20)
  expect(Math.max(...times)).toBeLessThanOrEqual(40 * 1.06)
})

test('a model that has become slower, then faster, is followed', () => {
  const due = new Due('sleeps')
  runs(due, 50, 2, 'sleeps')
  expect(Math.max(...runs(due, 100, 20, 'sleeps').slice(50))).toBeLessThanOrEqual(25)
  expect(Math.max(...runs(due, 2000, 2, 'sleeps').slice(1900))).toBeLessThanOrEqual(5)
})
