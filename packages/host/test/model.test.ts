import { setImmediate as turn } from 'node:timers/promises'
import { PIECE } from '@xpu-hal/core/backend'
import { expect, test } from 'vitest'
import { mailable } from '../src/thread/model.js'

const model = (bytes: Uint8Array) => ({ kind: 'bytes', name: 'm', bytes }) as const

test('bytes of a model are copied bit by bit, so that the event loop turns meanwhile', async () => {
  const whole = new Uint8Array(3 * PIECE + 10)
  whole.fill(7)
  let done = false
  const mail = mailable(model(whole.subarray(3))).finally(() => {
    done = true
  })
  let turns = 0
  for (; !done; turns++) await turn()
  expect(turns).toBeGreaterThanOrEqual(3)
  const { message: posted, transfer } = await mail
  const bytes = posted.kind === 'bytes' ? posted.bytes : undefined
  expect(bytes?.length).toBe(whole.length - 3)
  expect(bytes?.every((byte) => byte === 7)).toBe(true)
  expect(transfer).toEqual([bytes?.buffer])
  expect(transfer).not.toContain(whole.buffer)
})

test('bytes in shared memory are not copied', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 4)
  expect(await mailable(model(shared))).toEqual({ message: model(shared) })
  const { message: posted } = await mailable(model(shared))
  expect(posted).toHaveProperty('bytes', shared)
})
