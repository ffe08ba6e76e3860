import { silent } from '@xpu-hal/core/backend'
import { beforeEach, expect, test, vi } from 'vitest'
import { repair } from '../src/repair.js'

const pauses: number[] = []
vi.mock('node:timers/promises', () => ({
  setTimeout: async (ms: number, _: unknown, { signal }: { signal: AbortSignal }) => {
    pauses.push(ms)
    signal.throwIfAborted()
  },
}))
beforeEach(() => {
  pauses.length = 0
})

const { signal } = new AbortController()
const refuse = () => Promise.reject(new Error('no device'))

test('a worker that was of use is replaced at once', async () => {
  expect(await repair(async () => 'worker', 0, signal, silent)).toBe('worker')
  expect(pauses).toEqual([])
})

test('pauses grow to a ceiling, and after ten attempts it gives up with the last reason', async () => {
  await expect(repair(refuse, 0, signal, silent)).rejects.toMatchObject({ message: 'no device' })
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
})

test('workers that were lost before they were of any use count as failures', async () => {
  await repair(async () => 'worker', 1, signal, silent)
  await repair(async () => 'worker', 4, signal, silent)
  await repair(async () => 'worker', 50, signal, silent)
  expect(pauses).toEqual([100, 800, 5000])
})

test('it ends with the engine', async () => {
  const over = new AbortController()
  const open = () => {
    over.abort(new Error('closed'))
    return refuse()
  }
  await expect(repair(open, 0, over.signal, silent)).rejects.toThrow('closed')
  expect(pauses).toEqual([100])
})
