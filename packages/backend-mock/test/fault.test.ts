import { type MockDevice, mock } from '@xpu-hal/backend-mock'
import { type DeviceEvent, type EngineDriver, HalError, tensor } from '@xpu-hal/core/backend'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { doubling, open, start, valuesOf } from './driver.js'

let device: MockDevice
let engine: EngineDriver

beforeEach(async () => {
  device = mock().devices[0] as MockDevice
  engine = await open(device)
})
afterEach(() => engine.doClose())

describe('faults', () => {
  test('fail: the next run fails, the one after it does not', async () => {
    device.inject({ fault: 'fail' })
    await expect(start(engine).first).rejects.toMatchObject({ code: 'HAL_INTERNAL' })
    expect(valuesOf(await start(engine).first)).toEqual([2, 4])
    expect(device.counters).toEqual({ runs: 2, faults: 1, engines: 1 })
  })

  test('fail: with the code that was asked for, as often as it was, also in runSync', async () => {
    device.inject({ fault: 'fail', code: 'HAL_RESOURCE_EXHAUSTED', count: 2 })
    await expect(start(engine).first).rejects.toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED' })
    const request = { inputs: [tensor('float32', [2])], inputNames: ['x'], outputs: [undefined] }
    expect(() => engine.doRunSync?.(request)).toThrow(HalError)
    expect(valuesOf(await start(engine).first)).toEqual([2, 4])
  })

  test('never: no answer comes, until the device is lost', async () => {
    device.inject({ fault: 'never' })
    const silent = start(engine)
    await start(engine, { lane: 1 }).first
    expect(silent.answers).toEqual([])
    device.clearFaults()
    expect(silent.answers).toEqual([])
    device.lose()
    await expect(silent.first).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
  })

  test('never: does not keep the engine from closing', async () => {
    device.inject({ fault: 'never' })
    const silent = start(engine)
    await engine.doClose()
    expect(silent.answers).toEqual([])
  })

  test('late: the answer is held until its time, or until faults are cleared', async () => {
    device.inject({ fault: 'late', delayMs: 3_600_000 })
    const order: number[] = []
    const late = start(engine, { order })
    const next = start(engine, { order, lane: 1 })
    await next.first
    device.clearFaults()
    expect(valuesOf(await late.first)).toEqual([2, 4])
    expect(order).toEqual([next.job, late.job])
    device.inject({ fault: 'late', delayMs: 5 })
    expect(valuesOf(await start(engine).first)).toEqual([2, 4])
  })

  test('twice: the same answer comes again', async () => {
    device.inject({ fault: 'twice' })
    const run = start(engine)
    await run.first
    expect(run.answers).toHaveLength(2)
    expect(run.answers[1]).toEqual(run.answers[0])
    device.inject({ fault: 'twice', delayMs: 3_600_000 })
    const later = start(engine)
    await later.first
    expect(later.answers).toHaveLength(1)
    device.clearFaults()
    expect(later.answers).toHaveLength(2)
  })

  test('wrong-shape: the first output has a row too many', async () => {
    device.inject({ fault: 'wrong-shape' })
    const { outputs } = await start(engine).first
    expect(outputs[0]?.shape).toEqual([3])
    expect(outputs[0]?.data).toHaveLength(3)
  })

  test('reorder: the answer comes after the next one', async () => {
    device.inject({ fault: 'reorder' })
    const order: number[] = []
    const first = start(engine, { order })
    const second = start(engine, { order, lane: 1 })
    expect(valuesOf(await first.first)).toEqual([2, 4])
    expect(order).toEqual([second.job, first.job])
  })

  test('reorder: of many, pairs change places and all are answered', async () => {
    device.inject({ fault: 'reorder', count: Number.POSITIVE_INFINITY })
    const runs = [start(engine), start(engine, { lane: 1 })]
    await Promise.all(runs.map((run) => run.first))
    const alone = start(engine)
    await engine.doClose()
    expect(valuesOf(await alone.first)).toEqual([2, 4])
  })

  test('a fault can wait for a model', async () => {
    const other = await open(device, {}, { model: doubling('other') })
    device.inject({ fault: 'fail', model: 'other' })
    expect(valuesOf(await start(engine).first)).toEqual([2, 4])
    await expect(start(other).first).rejects.toMatchObject({ code: 'HAL_INTERNAL' })
    await other.doClose()
  })

  test('faults that have not struck can be taken back', async () => {
    device.inject({ fault: 'fail', count: Number.POSITIVE_INFINITY })
    device.clearFaults()
    expect(valuesOf(await start(engine).first)).toEqual([2, 4])
  })

  test('a fault that does not exist is refused', () => {
    expect(() => device.inject({ fault: 'slow' as 'late' })).toThrow(/no fault "slow".*reorder/)
    expect(() => device.inject({ fault: 'fail', count: 0 })).toThrow(/count/)
  })
})

describe('loss', () => {
  test('runs in progress fail, and so does what comes until the recovery', async () => {
    const events: DeviceEvent[] = []
    device.doSubscribe((event) => events.push(event))
    const slow = await open(device, { computeMs: 3_600_000 })
    const running = [start(slow), start(slow, { lane: 1 })]
    device.lose('cable')
    for (const run of running) {
      await expect(run.first).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST', device: 'mock:0' })
    }
    await expect(start(engine).first).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    await expect(open(device)).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    expect(device.lost).toBe(true)
    device.recover()
    expect(device.lost).toBe(false)
    expect(valuesOf(await start(engine).first)).toEqual([2, 4])
    expect(events.map(({ kind }) => kind)).toEqual(['lost', 'recovered'])
    expect(events[0]).toMatchObject({ error: { code: 'HAL_DEVICE_LOST' } })
    await slow.doClose()
  })

  test('a run does not outlive a loss that is over at once', async () => {
    const slow = await open(device, { computeMs: 3_600_000 })
    const run = start(slow)
    device.lose()
    device.recover()
    await expect(run.first).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    expect(valuesOf(await start(engine).first)).toEqual([2, 4])
    await slow.doClose()
  })
})
