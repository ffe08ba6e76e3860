import { describe, expect, it } from 'vitest'
import type { SyncRequest } from '../src/backend.ts'
import { now } from '../src/clock.ts'
import { createHal, type EngineOptions, HalError, type RunMetrics } from '../src/index.ts'
import {
  failure,
  flush,
  ManualBackend,
  type ManualDeviceSpec,
  type ManualEngine,
  MODEL,
  numbers,
  openAlso,
  openManual,
  tagged,
} from './fixtures/manual-backend.ts'

async function openOn(specs: readonly ManualDeviceSpec[], options: EngineOptions) {
  const backend = new ManualBackend('manual', specs)
  const hal = createHal({ backends: [backend] })
  const engine = await hal.openEngine(MODEL, options)
  engine.on('error', () => {})
  return { backend, hal, engine, drivers: backend.engines as readonly ManualEngine[] }
}

describe('a model on several devices at once', () => {
  it('is asked for by positions, as in DX-RT', async () => {
    const { engine } = await openOn([{}, {}, {}], { devices: [0, 2] })
    expect(engine.devices.map(({ id }) => id)).toEqual(['manual:0', 'manual:2'])
    expect(engine.device.id).toBe('manual:0')
    expect(engine.selection.filter(({ taken }) => taken).map(({ device }) => device)).toEqual([
      'manual:0',
      'manual:2',
    ])
  })

  it('is asked for by ids, by the name of a backend, or for all accelerators', async () => {
    const ids = async (options: EngineOptions) =>
      (await openOn([{}, { kind: 'cpu' }, {}], options)).engine.devices.map(({ id }) => id)
    expect(await ids({ devices: ['manual:2', 'manual:0'], spread: true })).toEqual(['manual:2', 'manual:0'])
    expect(await ids({ devices: ['manual'], spread: true })).toEqual(['manual:0', 'manual:1', 'manual:2'])
    expect(await ids({ spread: true })).toEqual(['manual:0', 'manual:2'])
    expect(await ids({ devices: [2, 0], spread: false })).toEqual(['manual:2'])
  })

  it('names the devices there are when there is none at a position', async () => {
    const error = await failure(openOn([{}, {}], { devices: [0, 5] }))
    expect(error).toMatchObject({ code: 'HAL_NOT_FOUND' })
    expect(error.message).toContain("there is no device 5; there are: 0 ('manual:0'), 1 ('manual:1')")
  })

  it('has to open on every device that was named', async () => {
    const backend = new ManualBackend('manual', [
      {},
      { open: () => Promise.reject(new HalError('HAL_RESOURCE_EXHAUSTED', 'no memory left')) },
    ])
    const hal = createHal({ backends: [backend] })
    const error = await failure(hal.openEngine(MODEL, { devices: [0, 1] }))
    expect(error).toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED', device: 'manual:1' })
    expect(backend.engines[0]?.closed).toBe(1)
    // Those that nobody named may refuse it.
    const engine = await hal.openEngine(MODEL, { spread: true })
    expect(engine.devices.map(({ id }) => id)).toEqual(['manual:0'])
  })

  it('is refused where the devices see another model', async () => {
    const other = [{ name: 'z', dataType: 'float32', shape: [4] }] as const
    const error = await failure(openOn([{}, { inputs: other }], { devices: [0, 1] }))
    expect(error).toMatchObject({ code: 'HAL_FAILED_PRECONDITION' })
    expect(error.message).toContain('manual:1 has other inputs')
  })

  it('tells the second device of the first', async () => {
    const { drivers } = await openOn([{}, {}], { devices: [0, 1] })
    expect(drivers[0]?.request.like).toBeUndefined()
    expect(drivers[1]?.request.like).toBe(drivers[0])
  })

  it('runs where there is least to do, and says where', async () => {
    const { engine, drivers } = await openOn([{}, {}], { devices: [0, 1] })
    const [first, second] = drivers as [ManualEngine, ManualEngine]
    const metrics: RunMetrics[] = []
    engine.on('run', (run) => metrics.push(run))
    const runs = [1, 2, 3].map((tag) => engine.run(tagged(tag)))
    expect([first.tags(), second.tags()]).toEqual([[1], [2]])
    second.answer()
    expect([first.tags(), second.tags()]).toEqual([[1], [3]])
    first.answer()
    second.answer()
    const outputs = await Promise.all(runs)
    expect(outputs.map(({ y }) => numbers(y)[0])).toEqual([1, 2, 3])
    expect(metrics.map(({ device }) => device)).toEqual(['manual:1', 'manual:0', 'manual:1'])
  })

  it('moves a run at hand to another device that falls idle', async () => {
    const spec = { depth: 2, recall: true }
    const { engine, drivers } = await openOn([spec, spec], { devices: [0, 1] })
    const [first, second] = drivers as [ManualEngine, ManualEngine]
    const runs = [1, 2, 3, 4].map((tag) => engine.run(tagged(tag)))
    expect([first.tags(), second.tags()]).toEqual([
      [1, 3],
      [2, 4],
    ])
    second.answer()
    second.answer()
    expect([first.tags(), second.tags()]).toEqual([[1], [3]])
    first.answer()
    second.answer()
    await Promise.all(runs)
  })

  it('goes on with the others when one is lost', async () => {
    const spec = { depth: 2, recall: true }
    const { backend, engine, drivers } = await openOn([spec, spec], { devices: [0, 1] })
    const [first, second] = drivers as [ManualEngine, ManualEngine]
    const lost: HalError[] = []
    engine.on('lost', (error) => lost.push(error))
    const runs = [1, 2, 3, 4].map((tag) => engine.run(tagged(tag)))
    const settled = Promise.allSettled(runs)
    backend.tell('manual:0', { kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'unplugged') })
    // The run that it had begun is lost, the one at hand goes to the other device.
    expect(second.tags()).toEqual([2, 4])
    second.answer()
    expect(second.tags()).toEqual([4, 3])
    second.answerAll()
    const results = await settled
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
    expect((results[0] as PromiseRejectedResult).reason).toMatchObject({
      code: 'HAL_DEVICE_LOST',
      device: 'manual:0',
    })
    expect(lost).toHaveLength(1)
    backend.tell('manual:1', { kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'unplugged too') })
    expect(await failure(engine.run(tagged(5)))).toMatchObject({ code: 'HAL_DEVICE_LOST' })
    backend.tell('manual:0', { kind: 'recovered' })
    first.fail(new HalError('HAL_DEVICE_LOST', 'late'))
    const again = engine.run(tagged(6))
    expect(first.tags()).toEqual([6])
    first.answer()
    expect(numbers((await again).y)[0]).toBe(6)
  })

  it('repeats elsewhere what may be repeated', async () => {
    const { backend, engine, drivers } = await openOn([{}, {}], { devices: [0, 1] })
    const [first, second] = drivers as [ManualEngine, ManualEngine]
    const run = engine.run(tagged(1), { repeatable: true })
    const error = new HalError('HAL_DEVICE_LOST', 'unplugged')
    backend.tell('manual:0', { kind: 'lost', error })
    first.fail(error)
    expect(second.tags()).toEqual([1])
    second.answer()
    expect(numbers((await run).y)[0]).toBe(1)
    expect(engine.stats()).toMatchObject({ repeated: 1, succeeded: 1, failed: 0 })
  })

  it('runs synchronously on a device that is there, and names it', async () => {
    const sync = (request: SyncRequest) => ({
      outputs: request.inputs,
      ...{ startedAt: now(), endedAt: now(), bytesCopied: 0 },
    })
    const { backend, engine } = await openOn([{ sync }, { sync }], { devices: [0, 1] })
    const used: string[] = []
    engine.on('run', ({ device }) => used.push(device))
    engine.runSync(tagged(1))
    backend.tell('manual:0', { kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'unplugged') })
    engine.runSync(tagged(2))
    expect(used).toEqual(['manual:0', 'manual:1'])
  })

  it('moves the oldest of several runs at hand first', async () => {
    const spec = { depth: 3, recall: true }
    const { engine, drivers } = await openOn([spec, spec], { devices: [0, 1] })
    const [first, second] = drivers as [ManualEngine, ManualEngine]
    const runs = [1, 2, 3, 4, 5, 6].map((tag) => engine.run(tagged(tag)))
    expect([first.tags(), second.tags()]).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ])
    for (let i = 0; i < 3; i++) second.answer()
    expect([first.tags(), second.tags()]).toEqual([[1, 5], [3]])
    second.answer()
    expect([first.tags(), second.tags()]).toEqual([[1], [5]])
    first.answer()
    second.answer()
    await Promise.all(runs)
  })

  it('closes on all of them', async () => {
    const { engine, drivers } = await openOn([{}, {}], { devices: [0, 1] })
    await engine.close()
    expect(drivers.map(({ closed }) => closed)).toEqual([1, 1])
  })
})

describe('a core that several engines share', () => {
  it('works on as many runs as it has slots, whichever engines they are from', async () => {
    const first = await openManual({ depth: 2 })
    const second = await openAlso(first)
    for (const { engine } of [first, second]) engine.on('error', () => {})
    first.engine.tryRunAsync(tagged(1))
    second.engine.tryRunAsync(tagged(2))
    expect([first.driver.tags(), second.driver.tags()]).toEqual([[1], []])
    // Nothing is put behind the first while the second wants the core.
    first.engine.tryRunAsync(tagged(3))
    expect(first.driver.tags()).toEqual([1])
    first.driver.answer()
    expect([first.driver.tags(), second.driver.tags()]).toEqual([[], [2]])
    second.driver.answer()
    expect(first.driver.tags()).toEqual([3])
    first.driver.answer()
  })

  it('changes hands also where a runtime takes several runs at once', async () => {
    const first = await openManual({ depth: 4 }, { maxLoad: 100 })
    const second = await openAlso(first, { maxLoad: 100 })
    const order: string[] = []
    const answerOldest = () => {
      const busy = [first, second].filter(({ driver }) => driver.held.length > 0)
      expect(busy).toHaveLength(1)
      order.push(busy[0] === first ? 'a' : 'b')
      busy[0]?.driver.answer()
    }
    for (const { engine } of [first, second]) engine.registerCallback(() => {})
    for (let i = 0; i < 20; i++) for (const { engine } of [first, second]) engine.tryRunAsync(tagged(i))
    for (let i = 0; i < 40; i++) answerOldest()
    // Neither gets more than the runtime has in its hands before it is the turn of the other.
    expect(order.join('')).toMatch(/^(a{1,7}|b{1,7})+$/)
    expect(Math.abs(order.slice(0, 20).filter((name) => name === 'a').length - 10)).toBeLessThanOrEqual(4)
  })

  it('has a turn for an engine of lower priority after eight runs of another', async () => {
    const first = await openManual({ depth: 2 }, { maxLoad: 100, priority: 'high' })
    const second = await openAlso(first, { maxLoad: 100, priority: 'low' })
    for (const { engine } of [first, second]) engine.registerCallback(() => {})
    first.engine.tryRunAsync(tagged(0))
    for (let i = 0; i < 3; i++) second.engine.tryRunAsync(tagged(i))
    for (let i = 0; i < 40; i++) first.engine.tryRunAsync(tagged(i))
    const order: string[] = []
    while (first.driver.held.length + second.driver.held.length > 0) {
      const busy = second.driver.held.length > 0 ? second : first
      order.push(busy === first ? 'h' : 'l')
      busy.driver.answer()
    }
    expect(order.join('')).toBe(`${'h'.repeat(9)}l${'h'.repeat(8)}l${'h'.repeat(8)}l${'h'.repeat(16)}`)
  })

  it('is free for others when the caller of a run that hangs there gives up', async () => {
    const first = await openManual()
    const second = await openAlso(first)
    const stop = new AbortController()
    const hanging = failure(first.engine.run(tagged(1), { signal: stop.signal }))
    const waiting = second.engine.run(tagged(2))
    expect(second.driver.tags()).toEqual([])
    stop.abort()
    expect(await hanging).toMatchObject({ code: 'HAL_ABORTED' })
    expect(second.driver.tags()).toEqual([2])
    second.driver.answer()
    await waiting
    first.driver.answer()
    await flush()
    expect(first.engine.stats().strayAnswers).toBe(1)
  })
})
