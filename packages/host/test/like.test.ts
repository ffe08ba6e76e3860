import {
  type EngineDriver,
  HalError,
  type Isolation,
  silent,
  type Tensor,
  viewData,
} from '@xpu-hal/core/backend'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type HostOptions, host } from '../dist/index.js'
import { reached, run, start } from './open.js'
import { testOnLinux } from './process.js'

const Word = { loaded: 0, opened: 1, closed: 2, unloaded: 3, gate: 4, entered: 5 }

interface Given {
  readonly bytes?: Uint8Array
  readonly log?: Int32Array
  readonly refuses?: 'load' | 'open'
  readonly options?: Partial<HostOptions<unknown>>
}

async function open(
  isolation: Isolation,
  like: EngineDriver | undefined,
  given: Given = {},
): Promise<EngineDriver> {
  const { bytes = new Uint8Array(0), log, refuses, options } = given
  const driver = await host({
    module: new URL('./fixtures/sum-runner.mjs', import.meta.url),
    model: { kind: 'bytes', name: 'sum', bytes },
    config: { ...(log && { log }), ...(refuses && { refuses }) },
    workers: [{ core: 'NPU_0' }],
    ...{ isolation, like, logger: silent },
    ...options,
  })
  onTestFinished(() => driver.doClose().catch(() => {}))
  return driver
}

const seven = () => Uint8Array.of(3, 4)
const createLog = () => new Int32Array(new SharedArrayBuffer(24))
const counts = (log: Int32Array) =>
  Object.fromEntries(
    (['loaded', 'opened', 'closed', 'unloaded'] as const).map((name) => [
      name,
      Atomics.load(log, Word[name]),
    ]),
  )

function scalar({ memory }: EngineDriver, value = 0): Tensor {
  const buffer = typeof memory === 'string' ? new SharedArrayBuffer(4) : memory.allocate(4)
  const data = viewData('float32', buffer, 0, 1)
  data[0] = value
  return { dataType: 'float32', shape: [1], data }
}

async function times(driver: EngineDriver, value: number): Promise<number> {
  const { outputs } = await run(driver, [scalar(driver, value)], [scalar(driver)])
  return Number(outputs[0]?.data[0])
}

describe.each(['thread', 'inline'] as const)('in isolation %s', (isolation) => {
  test('a driver opened like another one uses the model that is loaded', async () => {
    const log = createLog()
    const first = await open(isolation, undefined, { bytes: seven(), log })
    const second = await open(isolation, first, { log, refuses: 'load' })
    expect(counts(log)).toMatchObject({ loaded: 1, opened: 2 })
    expect([await times(first, 2), await times(second, 3)]).toEqual([14, 21])
    expect(
      second.doRunSync?.({ inputs: [scalar(second, 5)], inputNames: ['x'], outputs: [scalar(second)] })
        .outputs[0]?.data[0],
    ).toBe(35)
    expect([first.sharesWeights, second.sharesWeights]).toEqual([false, true])
    expect(second.inputs).toEqual(first.inputs)
  })

  test.each([
    ['first', [0, 1, 2]],
    ['last', [2, 1, 0]],
    ['in between', [1, 0, 2]],
  ] as const)('whoever is closed %s, the others go on, and the last one unloads', async (_, order) => {
    const log = createLog()
    const first = await open(isolation, undefined, { bytes: seven(), log })
    const second = await open(isolation, first, { log })
    const drivers = [first, second, await open(isolation, second, { log })]
    for (const [closed, at] of order.entries()) {
      expect(counts(log)).toMatchObject({ closed, unloaded: 0 })
      expect(await times(drivers[at] as EngineDriver, 2)).toBe(14)
      await drivers[at]?.doClose()
    }
    expect(counts(log)).toEqual({ loaded: 1, opened: 3, closed: 3, unloaded: 1 })
  })

  test('all closed at once unload once, after every runner', async () => {
    const log = createLog()
    const first = await open(isolation, undefined, { bytes: seven(), log })
    const second = await open(isolation, first, { log })
    await Promise.all([first.doClose(), second.doClose()])
    expect(counts(log)).toEqual({ loaded: 1, opened: 2, closed: 2, unloaded: 1 })
  })

  test('one that cannot be opened leaves the model to the other', async () => {
    const log = createLog()
    const first = await open(isolation, undefined, { bytes: seven(), log })
    await expect(open(isolation, first, { log, refuses: 'open' })).rejects.toThrow('open refused')
    expect(counts(log)).toMatchObject({ unloaded: 0 })
    expect(await times(first, 2)).toBe(14)
    await first.doClose()
    expect(counts(log)).toMatchObject({ unloaded: 1 })
  })

  test('where the weights are not what is shared, it does not say so', async () => {
    const first = await open(isolation, undefined, { bytes: seven() })
    const second = await open(isolation, first, { options: { sharesWeights: false } })
    expect([await times(second, 2), second.sharesWeights]).toEqual([14, false])
  })

  test('a driver of another isolation or module, or one that is closed, is none to share with', async () => {
    const other = await open(isolation === 'thread' ? 'inline' : 'thread', undefined, { bytes: seven() })
    const own = await open(isolation, other, { bytes: Uint8Array.of(5) })
    expect([await times(own, 2), own.sharesWeights]).toEqual([10, false])
    await own.doClose()
    const error = await open(isolation, own).catch((error: unknown) => error)
    expect(HalError.isInstance(error) && error.code).toBe('HAL_FAILED_PRECONDITION')
  })
})

test('a model that a thread left behind may still use is unloaded when that has come back, whoever closes last', async () => {
  const log = createLog()
  const first = await open('thread', undefined, { bytes: seven(), log, options: { limits: { run: 300 } } })
  const second = await open('thread', first, { log })
  const stuck = start(first, [scalar(first, -1)], [scalar(first)]).answer.catch(({ code }: HalError) => code)
  await reached(log, Word.entered, 1)
  expect(await stuck).toBe('HAL_DEVICE_LOST')
  await first.doClose()
  expect(await times(second, 2)).toBe(14)
  await second.doClose()
  expect(counts(log).unloaded).toBe(0)
  Atomics.store(log, Word.gate, 1)
  Atomics.notify(log, Word.gate)
  await reached(log, Word.unloaded, 1)
  expect(counts(log).unloaded).toBe(1)
})

testOnLinux(
  'in processes it loads the model for itself, from bytes as they were, and reaches the same tensors',
  async () => {
    const bytes = seven()
    const first = await open('process', undefined, { bytes })
    bytes.fill(9)
    const second = await open('process', first)
    expect([await times(first, 2), await times(second, 3)]).toEqual([14, 21])
    expect([first.sharesWeights, second.sharesWeights]).toEqual([false, false])
    const x = scalar(first, 4)
    const y = scalar(second)
    expect((await run(second, [x], [y])).outputs).toEqual([y])
    expect(y.data[0]).toBe(28)
    await first.doClose()
    expect(Number(x.data[0])).toBe(4)
    const more = scalar(second)
    await run(second, [x], [more])
    expect(more.data[0]).toBe(28)
  },
)

testOnLinux(
  'a worker process that takes the place of another one loads the bytes as they were, too',
  async () => {
    const bytes = seven()
    const driver = await open('process', undefined, { bytes })
    const recovered = new Promise<void>((resolve) => {
      driver.doSubscribe?.(({ kind }) => kind === 'recovered' && resolve())
    })
    bytes.fill(9)
    await expect(times(driver, -2)).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    await recovered
    expect(await times(driver, 2)).toBe(14)
  },
)
