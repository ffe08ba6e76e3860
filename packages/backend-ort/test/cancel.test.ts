import { tensor } from '@xpu-hal/core'
import { expect, test } from 'vitest'
import { cancel } from '../src/runner.js'
import { failure, floats, identity, openHere } from './support.js'

const call = (job: number) => ({ job, inputs: [floats([1])], inputNames: ['x'], outputs: [undefined] })
const answer = { outputs: [floats([1])], bytesCopied: 4 }

test('a cancellation just before its run ends it, and no other', async () => {
  using session = await openHere(identity('float32', [1]))
  const { runner } = session
  const token = runner.cancelToken as bigint
  expect(runner.run(call(1))).toEqual(answer)
  cancel(token, 2)
  expect(await failure(() => runner.run(call(2)))).toMatchObject({ name: 'HalError', code: 'HAL_ABORTED' })
  expect(runner.run(call(3))).toEqual(answer)
})

test('a cancellation just after its run ends no other', async () => {
  using session = await openHere(identity('float32', [1]))
  const { runner } = session
  expect(runner.run(call(1))).toEqual(answer)
  cancel(runner.cancelToken as bigint, 1)
  expect(runner.run(call(2))).toEqual(answer)
})

test('job 0, that of runSync, is a run like any other', async () => {
  using session = await openHere(identity('float32', [1]))
  expect(session.runner.run(call(0))).toEqual(answer)
  expect(session.runner.run({ ...call(0), inputs: [tensor('float32', [1], [1])] })).toEqual(answer)
})
