import { mock } from '@xpu-hal/backend-mock'
import { type EngineDriver, type RunAnswer, tensor } from '@xpu-hal/core/backend'
import { afterEach, describe, expect, test } from 'vitest'
import { doubling, modelOf, open, start, valuesOf } from './driver.js'

const engines: EngineDriver[] = []
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.doClose()))
})

async function opened(...args: Parameters<typeof open>): Promise<EngineDriver> {
  const engine = await open(...args)
  engines.push(engine)
  return engine
}

const firstOf = (config: Parameters<typeof mock>[0]) => {
  const [device] = mock(config).devices
  if (device === undefined) throw new Error('no device')
  return device
}

const length = ({ startedAt, endedAt }: RunAnswer) => endedAt - startedAt

for (const isolation of ['thread', 'inline'] as const) {
  describe(`isolation ${isolation}`, () => {
    test('a run gives the right answer in the memory that it was given', async () => {
      const engine = await opened(firstOf({}), { isolation })
      const run = start(engine, { lane: 2 })
      const answer = await run.first
      expect(valuesOf(answer)).toEqual([2, 4])
      expect(answer.outputs[0]?.data).toBe(run.outputs[0]?.data)
      expect(answer.bytesCopied).toBe(0)
      expect(run.answers).toHaveLength(1)
    })

    test('runSync gives the right answer and takes the time of the simulation', async () => {
      const engine = await opened(firstOf({ computeMs: 3 }), { isolation })
      const answer = engine.doRunSync?.({
        inputs: [tensor('float32', [2], [1, 2])],
        inputNames: ['x'],
        outputs: [undefined],
      })
      expect(answer && valuesOf(answer)).toEqual([2, 4])
      expect(answer && length(answer)).toBeGreaterThanOrEqual(3)
    })
  })
}

test('a run that takes long keeps its own time and its own answer, whatever the numbers of those beside it', async () => {
  const engine = await opened(firstOf({ computeMs: 20 }))
  const long = start(engine, { job: 1, lane: 0 })
  const beside = start(engine, { job: 257, lane: 1 })
  engine.doCancel?.(beside)
  await expect(beside.first).rejects.toMatchObject({ code: 'HAL_ABORTED' })
  const answer = await long.first
  expect(valuesOf(answer)).toEqual([2, 4])
  expect(length(answer)).toBeCloseTo(20)
})

describe('cores', () => {
  test('there is one lane for each allowed core', async () => {
    const device = firstOf({ cores: 4 })
    expect(device.info.cores.map((core) => core.id)).toEqual(['NPU_0', 'NPU_1', 'NPU_2', 'NPU_3'])
    const engine = await opened(device, {}, { cores: ['NPU_1', 'NPU_3'] })
    expect(engine.lanes.map((lane) => lane.core)).toEqual(['NPU_1', 'NPU_3'])
  })

  test('fewer workers than cores can be had, more not', async () => {
    const engine = await opened(firstOf({}), { workers: 2 })
    expect(engine.lanes.map((lane) => lane.core)).toEqual(['NPU_0', 'NPU_1'])
    await expect(open(firstOf({}), { workers: 4 })).rejects.toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
  })

  test('two engines on one core take turns, and two cores work at once', async () => {
    const device = firstOf({ computeMs: 4 })
    const a = await opened(device, {}, { cores: ['NPU_0'] })
    const b = await opened(device, {}, { cores: ['NPU_0'] })
    const other = await opened(device, {}, { cores: ['NPU_1'] })
    const same: RunAnswer[] = []
    const elsewhere: RunAnswer[] = []
    for (let i = 0; i < 5; i++) {
      const runs = [start(a), start(b), start(other)]
      const [x, y, z] = await Promise.all(runs.map((run) => run.first))
      same.push(x as RunAnswer, y as RunAnswer)
      elsewhere.push(z as RunAnswer)
    }
    same.sort((x, y) => x.startedAt - y.startedAt)
    for (let i = 1; i < same.length; i++) {
      expect(same[i]?.startedAt).toBeGreaterThanOrEqual(same[i - 1]?.endedAt as number)
    }
    const overlaps = (z: RunAnswer) => same.some((x) => x.startedAt < z.endedAt && z.startedAt < x.endedAt)
    expect(elsewhere.some(overlaps)).toBe(true)
  })
})

describe('time', () => {
  async function lengths(seed: number): Promise<number[]> {
    const computeMs = { min: 1, max: 4 }
    const engine = await opened(firstOf({ computeMs, seed }), {}, { cores: ['NPU_0'] })
    const found: number[] = []
    for (let i = 0; i < 8; i++) found.push(Math.round(length(await start(engine).first) * 1000))
    return found
  }

  test('the same seed gives the same times, another seed others', async () => {
    const first = await lengths(7)
    expect(await lengths(7)).toEqual(first)
    expect(await lengths(8)).not.toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(1)
    for (const microseconds of first) {
      expect(microseconds).toBeGreaterThanOrEqual(1000)
      expect(microseconds).toBeLessThanOrEqual(4000)
    }
  })

  test('a time for the engine comes before one for the model, and that before one for the device', async () => {
    const device = firstOf({ computeMs: 2, models: { doubling: { computeMs: [3, 4, 5] } } })
    const byModel = await opened(device)
    expect(length(await start(byModel, { lane: 1 }).first)).toBeCloseTo(4, 3)
    const byOption = await opened(device, { computeMs: 6 })
    expect(length(await start(byOption, { lane: 1 }).first)).toBeCloseTo(6, 3)
  })

  test('rows of a scalar are one', async () => {
    const scalar = { dataType: 'float32', shape: [] } as const
    const node = { op: 'Neg', inputs: ['x'], outputs: ['y'] }
    const model = modelOf([node], [{ ...scalar, name: 'x' }], [{ ...scalar, name: 'y' }])
    const engine = await opened(firstOf({ computeMsPerRow: 3 }), {}, { model })
    expect(length(await start(engine, { input: tensor('float32', []) }).first)).toBeCloseTo(3, 3)
  })

  test('time for rows leaves the other draws as they are', async () => {
    const computeMs = { min: 1, max: 4 }
    const lengthOf = async (config: Parameters<typeof firstOf>[0]) =>
      length(await start(await opened(firstOf(config), {}, { cores: ['NPU_0'] })).first)
    const plain = await lengthOf({ computeMs })
    expect(await lengthOf({ computeMs, computeMsPerRow: 1 })).toBeCloseTo(plain + 2, 3)
  })

  test('transfer comes before the core begins', async () => {
    const engine = await opened(firstOf({ transferMs: 5 }))
    const before = Number(process.hrtime.bigint()) / 1e6
    const { startedAt } = await start(engine).first
    expect(startedAt - before).toBeGreaterThanOrEqual(5)
  })

  test('without simulated time a core is busy for the arithmetic alone', async () => {
    const device = firstOf({})
    const engine = await opened(device)
    const spent: number[] = []
    for (let i = 0; i < 50; i++) spent.push(length(await start(engine).first))
    spent.sort((a, b) => a - b)
    // The best of many, because the machine may be busy with something else.
    expect(spent[0]).toBeLessThan(0.5)
  })
})

test('a run in progress can be cancelled, and gives its core back', async () => {
  const device = firstOf({ computeMs: 3_600_000, models: { quick: { computeMs: 0 } } })
  const engine = await opened(device, {}, { cores: ['NPU_0'] })
  const run = start(engine)
  engine.doCancel?.(run)
  await expect(run.first).rejects.toMatchObject({ code: 'HAL_ABORTED' })
  const quick = await opened(device, {}, { cores: ['NPU_0'], model: doubling('quick') })
  expect(valuesOf(await start(quick).first)).toEqual([2, 4])
})

describe('telemetry', () => {
  test('a busy core shows load and warms the device, an idle device cools', async () => {
    const device = firstOf({ computeMs: 3_600_000 })
    const idle = await device.doStatus()
    expect(idle.load).toEqual([0, 0, 0])
    const engine = await opened(device)
    const run = start(engine, { lane: 1 })
    let status = await device.doStatus()
    while (status.load?.[1] === 0) {
      await new Promise((resolve) => setImmediate(resolve))
      status = await device.doStatus()
    }
    const busy = await device.doStatus()
    expect(busy.load).toEqual([0, 1, 0])
    expect(busy.temperatureCelsius).toBeGreaterThan(idle.temperatureCelsius as number)
    engine.doCancel?.(run)
    await expect(run.first).rejects.toMatchObject({ code: 'HAL_ABORTED' })
    const before = await device.doStatus()
    const after = await device.doStatus()
    expect(after.load).toEqual([0, 0, 0])
    expect(after.temperatureCelsius).toBeLessThan(before.temperatureCelsius as number)
  })
})
