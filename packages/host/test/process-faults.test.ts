import { readdirSync } from 'node:fs'
import type { TensorMemory } from '@xpu-hal/core/backend'
import { expect } from 'vitest'
import { openFaulty } from './faulty.js'
import { collected, testOnLinux } from './process.js'

const LOST = 'HAL_DEVICE_LOST'
const inProcess = { isolation: 'process' } as const

testOnLinux('runSync from within the delivery of an answer sees what came with that', async () => {
  const { begin, runSync } = await openFaulty({ act: 'own' }, inProcess)
  for (let i = 0; i < 5; i++) {
    const nested = new Promise((resolve) => begin(-1, () => resolve(runSync(7))))
    // The letter and the bell of the answer lie there together when the event loop goes on.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    expect(await nested).toBe(7)
  }
})

testOnLinux('an answer that waits keeps its room, however often runSync is called meanwhile', async () => {
  const { run, runSync } = await openFaulty({ act: 'own' }, inProcess)
  const waiting = run(-1)
  for (let i = 2; i < 20; i++) expect(runSync(-i)).toBe(-i)
  expect(await waiting).toBe(-1)
})

testOnLinux('runSync on a runner that was just lost fails, and serves when another is open', async () => {
  const { run, runSync, told, events } = await openFaulty({ act: 'lose' }, inProcess)
  expect([runSync(1), runSync(-1), runSync(2), runSync(3)]).toEqual([1, LOST, LOST, LOST])
  await told(2)
  expect(events).toEqual(['lost', 'recovered'])
  expect([runSync(4), await run(5)]).toEqual([4, 5])
})

testOnLinux.each(['hang', 'ring'])('a process that does nothing but %s is killed in time', async (act) => {
  const { run, runSync, told } = await openFaulty({ act }, { ...inProcess, limits: { run: 300 } })
  expect(await run(-1)).toBe(LOST)
  await told(2)
  expect(runSync(-1)).toBe(LOST)
  await told(4)
  expect([await run(1), runSync(2)]).toEqual([1, 2])
})

testOnLinux('a runner may throw what leads back to itself', async () => {
  const { run, events } = await openFaulty({ act: 'circular' }, inProcess)
  expect([await run(-1), await run(1), events]).toEqual(['HAL_INTERNAL', 1, []])
})

testOnLinux('a process that asks for all the room there is, and uses none, takes none', async () => {
  const { driver, run } = await openFaulty({ act: 'ask for all' }, inProcess)
  const hasRoom = () => {
    try {
      return (driver.memory as TensorMemory).allocate(2 ** 20).byteLength === 2 ** 20
    } catch {
      return false
    }
  }
  expect(await run(-1)).toBe(0)
  await collected(hasRoom)
})

testOnLinux('a process that asks for a million rooms at once is killed', async () => {
  const { run, events } = await openFaulty({ act: 'ask for a million' }, inProcess)
  expect([await run(-1), events]).toEqual([LOST, ['lost']])
})

testOnLinux('what a process has started may outlive it, and holds nothing of the application', async () => {
  const count = () => readdirSync('/proc/self/fd').length
  const { driver, run, told } = await openFaulty({ act: 'leave' }, inProcess)
  expect([await run(1), await run(-1)]).toEqual([1, LOST])
  await told(2)
  const before = count()
  for (let i = 1; i < 4; i++) {
    expect(await run(-1)).toBe(LOST)
    await told(2 * i + 2)
  }
  expect(count()).toBe(before)
  await driver.doClose()
})
