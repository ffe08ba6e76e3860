import { tensor } from '@xpu-hal/core'
import { expect, test } from 'vitest'
import { cancel } from '../src/runner.js'
import { failure, identity, model, nonZero, openHere } from './support.js'

const MB = 2 ** 20

/** Bytes by which the process grows while `act` is repeated, after it was done once. */
async function growth(times: number, act: () => unknown): Promise<number> {
  await act()
  const before = process.memoryUsage.rss()
  for (let i = 0; i < times; i++) await act()
  return process.memoryUsage.rss() - before
}

test('opening and closing a model again and again takes no more memory than once', async () => {
  const weights = tensor('float32', [1024, 4096])
  weights.data.fill(1)
  const x = { name: 'x', dataType: 'float32', shape: [1, 1024] } as const
  const y = { name: 'y', dataType: 'float32', shape: [1, 4096] } as const
  const nodes = [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }]
  const bytes = model([x], [y], nodes, { initializers: { w: weights } })
  const grown = await growth(6, async () => {
    using session = await openHere(bytes)
    session.run([tensor('float32', [1, 1024])])
  })
  expect(grown).toBeLessThan(bytes.byteLength)
})

test('a run that fails frees its inputs', async () => {
  using session = await openHere(identity('string', [2]))
  const wrong = tensor('string', [1], ['x'.repeat(MB)])
  expect(await growth(300, () => failure(() => session.run([wrong])))).toBeLessThan(100 * MB)
})

test('cancellations leave nothing behind', async () => {
  using session = await openHere(identity('float32', [1]))
  const token = session.runner.cancelToken as bigint
  const many = () => {
    for (let i = 1; i <= 20_000; i++) cancel(token, i)
  }
  expect(await growth(1, many)).toBeLessThan(20 * MB)
})

test('outputs that the runtime allocated are freed when they are copied', async () => {
  using session = await openHere(nonZero(MB, [1, 'n']))
  const ones = tensor('float32', [MB])
  ones.data.fill(1)
  const memory = tensor('int64', [1, 5])
  const run = () => {
    // The copies are JavaScript's to free: see that they are, not when.
    expect(session.run([ones], [memory]).outputs[0]?.shape).toEqual([1, MB])
  }
  expect(await growth(60, run)).toBeLessThan(200 * MB)
})
