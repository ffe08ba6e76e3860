import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Watchdog } from '../src/watchdog.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('the first bark is in time again for the work after one that had to be barked at', () => {
  const barked: string[] = []
  const dog = new Watchdog([
    { after: 100, act: () => barked.push('interrupt') },
    { after: 10_000, act: () => barked.push('give up') },
  ])
  dog.progress()
  vi.advanceTimersByTime(150)
  dog.rest()
  expect(barked).toEqual(['interrupt'])
  dog.progress()
  vi.advanceTimersByTime(150)
  expect(barked).toEqual(['interrupt', 'interrupt'])
  dog.end()
})
