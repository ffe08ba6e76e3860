import { expect } from 'vitest'
import { openFaulty } from './faulty.js'
import { testOnLinux } from './process.js'

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
