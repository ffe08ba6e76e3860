import { expect, onTestFinished, test } from 'vitest'
import { openFaulty } from './faulty.js'

const LOST = 'HAL_DEVICE_LOST'

/** Counts the runners of this thread that were closed. */
function closedHere(): () => number {
  let closed = 0
  const hooks = globalThis as { onFaultyClose?: () => void }
  hooks.onFaultyClose = () => closed++
  onTestFinished(() => {
    delete hooks.onFaultyClose
  })
  return () => closed
}

test('inline: a runner that is lost is closed, and another is opened in its place', async () => {
  const closed = closedHere()
  const { driver, run, runSync, told, events } = await openFaulty({ act: 'lose' }, { isolation: 'inline' })
  expect([await run(1), await run(-1), closed()]).toEqual([1, LOST, 1])
  await told(2)
  expect([await run(2), runSync(-1), runSync(3), closed()]).toEqual([2, LOST, LOST, 2])
  await told(4)
  expect([runSync(4), await run(5)]).toEqual([4, 5])
  expect(events).toEqual(['lost', 'recovered', 'lost', 'recovered'])
  await driver.doClose()
  expect(closed()).toBe(3)
})

test('inline: a driver closes while another runner does not open', async () => {
  const closed = closedHere()
  const { driver, run, events } = await openFaulty({ act: 'lose', opens: [true] }, { isolation: 'inline' })
  expect(await run(-1)).toBe(LOST)
  await driver.doClose()
  expect([closed(), events]).toEqual([1, ['lost']])
})

test('runSync beside threads: a runner that is lost is closed, and the next call opens another', async () => {
  const closed = closedHere()
  const { driver, runSync } = await openFaulty({ act: 'lose' }, { isolation: 'thread' })
  expect([runSync(1), runSync(-1), closed(), runSync(2)]).toEqual([1, LOST, 1, 2])
  await driver.doClose()
  expect(closed()).toBe(2)
})

test('a thread closes a runner that waits to be replaced when its engine closes meanwhile', async () => {
  const closed = new Int32Array(new SharedArrayBuffer(4))
  const { driver, run, told } = await openFaulty({ act: 'lose', closed }, { isolation: 'thread' })
  expect(await run(-1)).toBe(LOST)
  // The second is lost from the start, and replaced after a pause.
  await told(3)
  await driver.doClose()
  expect(closed[0]).toBe(2)
})

test('a thread that never comes back from its event loop does not hold up close', async () => {
  const { driver, run } = await openFaulty({ hangs: true }, { isolation: 'thread' })
  expect(await run(1)).toBe(1)
  await driver.doClose()
})
