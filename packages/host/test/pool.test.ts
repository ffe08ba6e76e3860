import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { tensor } from '@xpu-hal/core/backend'
import { expect, test } from 'vitest'
import { footprint, info, open, run } from './open.js'

const xy = { inputs: [info('x')], outputs: [info('y')] }
const x = (value: number) => tensor('float32', [1000], new Float32Array(1000).fill(value))
const y = () => tensor('float32', [1000])

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const threads = () => readdirSync('/proc/self/task').length
const testWithCounts = test.skipIf(process.platform !== 'linux')
if (process.platform !== 'linux') console.log('skipped: threads are counted in /proc, which only Linux has')

testWithCounts('an engine works on the threads that another one left, with a model of its own', async () => {
  const first = await open({ run: 'copy', ...xy }, ['NPU_0', 'NPU_1'])
  const before = threads()
  await first.doClose()
  expect(threads()).toBe(before)
  const second = await open({ run: 'arithmetic', ...xy, outputs: [info('y'), info('info')] }, [
    'NPU_7',
    'NPU_8',
  ])
  expect(threads()).toBe(before)
  expect(second.lanes.map(({ core }) => core)).toEqual(['NPU_7', 'NPU_8'])
  const { outputs } = await run(second, [x(2)], [y(), tensor('float32', [3])], { lane: 1 })
  expect(outputs[0]?.data[999]).toBe(5)
})

testWithCounts('no more threads stay idle than the machine has use for', async () => {
  const before = (await footprint()).threads
  const cores = Array.from({ length: Math.max(4, availableParallelism()) + 3 }, (_, i) => `NPU_${i}`)
  const driver = await open({ run: 'copy', ...xy }, cores)
  expect(threads()).toBe(before + cores.length)
  await driver.doClose()
  expect(threads()).toBe(before + cores.length - 3)
  expect((await footprint()).threads).toBe(before)
})

test('a thread that falls idle lets go of the memory of its engine', async () => {
  const driver = await open({ run: 'copy', ...xy })
  collectGarbage()
  const before = process.memoryUsage().arrayBuffers
  const runBig = () => run(driver, [tensor('float32', [4_000_000])], [tensor('float32', [4_000_000])])
  for (let i = 0; i < 4; i++) await runBig()
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(20_000_000)
  await driver.doClose()
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await turn()
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
})

test('tensors of a closed engine that are collected late take none from the next one', async () => {
  let old: unknown[] = []
  const first = await open({ run: 'copy', ...xy })
  for (let i = 0; i < 20; i++) {
    const tensors = [x(i), y()]
    await run(first, [tensors[0] as never], [tensors[1] as never])
    old.push(tensors)
  }
  await first.doClose()
  const second = await open({ run: 'copy', ...xy })
  const mine = Array.from({ length: 20 }, (_, i) => [x(100 + i), y()] as const)
  for (const [input, output] of mine) await run(second, [input], [output])
  old = []
  for (let i = 0; i < 5; i++) {
    collectGarbage()
    await turn()
  }
  for (const [i, [input, output]] of mine.entries()) {
    output.data.fill(0)
    await run(second, [input], [output])
    expect(output.data[999]).toBe(100 + i)
  }
})

testWithCounts('an idle thread that ends is not used again', async () => {
  const log: string[] = []
  const first = await open({ run: 'copy', exits: true, ...xy })
  const before = threads()
  await first.doClose()
  await expect.poll(threads).toBe(before - 1)
  await turn()
  const second = await open({ run: 'copy', ...xy }, ['NPU_0'], 'thread', (_, message) => log.push(message))
  expect((await run(second, [x(5)], [y()])).outputs[0]?.data[0]).toBe(5)
  expect(log).toEqual([])
})
