import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DriverRun, TensorInfo } from '../src/backend.ts'
import { type Batching, type Engine, HalError, type Tensor, tensor } from '../src/index.ts'
import {
  cores,
  failure,
  flush,
  type ManualDeviceSpec,
  type ManualEngine,
  openManual,
} from './fixtures/manual-backend.ts'

const ROWS: ManualDeviceSpec = {
  inputs: [{ name: 'x', dataType: 'float32', shape: [-1, 2] }],
  outputs: [{ name: 'y', dataType: 'float32', shape: [-1, 2] }],
}

/** A request of these rows, each of two elements alike. */
function rows(...values: number[]): { x: Tensor } {
  return {
    x: tensor(
      'float32',
      [values.length, 2],
      values.flatMap((value) => [value, value]),
    ),
  }
}

const values = (tensor: Tensor | undefined) =>
  Array.from(tensor?.data as Float32Array).filter((_, i) => i % 2 === 0)

/** The first element of every row that a driver was given. */
const given = (run: DriverRun | undefined) => values(run?.inputs[0])

/** Answers a run with its inputs times ten. */
function answer(driver: ManualEngine, run: DriverRun | undefined = driver.held[0], ms = 1): void {
  const [x] = run?.inputs ?? []
  const data = Float32Array.from(x?.data as Float32Array, (value) => value * 10)
  driver.answer(run, { ms, answer: { outputs: [tensor('float32', x?.shape ?? [], data)] } })
}

async function open(batching: Batching, spec: ManualDeviceSpec = {}, options = {}) {
  const opened = await openManual({ ...ROWS, ...spec }, { batching, ...options })
  opened.engine.on('error', () => {})
  return opened
}

/** Keeps the only core busy, so that what comes next has to wait. */
async function occupy(engine: Engine, driver: ManualEngine) {
  const first = engine.run(rows(0))
  await flush()
  return async () => {
    answer(driver)
    await first
  }
}

describe('requests that wait', () => {
  it('are joined, and each gets its own rows', async () => {
    const { engine, driver } = await open({ maxSize: 8 })
    const free = await occupy(engine, driver)
    const runs = [engine.run(rows(1)), engine.run(rows(2, 3)), engine.run(rows(4))]
    await flush()
    await free()
    expect(given(driver.held[0])).toEqual([1, 2, 3, 4])
    answer(driver)
    const outputs = await Promise.all(runs)
    expect(outputs.map(({ y }) => values(y))).toEqual([[10], [20, 30], [40]])
    expect(outputs.map(({ y }) => y?.shape)).toEqual([
      [1, 2],
      [2, 2],
      [1, 2],
    ])
    const { batchSize, succeeded, bytesCopied } = engine.stats()
    expect(batchSize).toMatchObject({ count: 2, min: 1, max: 4 })
    // Four rows of 8 bytes in, and out again.
    expect([succeeded, bytesCopied]).toEqual([4, 64])
  })

  it('are joined when they come within one turn of the event loop', async () => {
    const { engine, driver } = await open({ maxSize: 8 })
    const runs = [1, 2, 3].map((value) => engine.run(rows(value)))
    await flush()
    expect(driver.held).toHaveLength(1)
    expect(given(driver.held[0])).toEqual([1, 2, 3])
    answer(driver)
    await Promise.all(runs)
  })

  it('no more of them than maxSize rows, in order', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const free = await occupy(engine, driver)
    const runs = [rows(1), rows(2, 3), rows(4, 5), rows(6)].map((request) => engine.run(request))
    await flush()
    await free()
    expect(given(driver.held[0])).toEqual([1, 2, 3])
    answer(driver)
    expect(given(driver.held[0])).toEqual([4, 5, 6])
    answer(driver)
    expect((await Promise.all(runs)).map(({ y }) => values(y))).toEqual([[10], [20, 30], [40, 50], [60]])
  })

  it('of other priorities, and with rows of another shape, stay apart', async () => {
    const open2 = { shape: [-1, -1], name: 'x', dataType: 'float32' } as const
    const { engine, driver } = await open(
      { maxSize: 8 },
      { inputs: [open2], outputs: [{ ...open2, name: 'y' }] },
    )
    const free = await occupy(engine, driver)
    const wide = { x: tensor('float32', [1, 3], [7, 7, 7]) }
    const runs = [
      engine.run(rows(1)),
      engine.run(wide),
      engine.run(rows(2), { priority: 'high' }),
      engine.run(rows(3)),
    ]
    await flush()
    await free()
    const seen = []
    while (driver.held.length > 0) {
      seen.push(Array.from(driver.held[0]?.inputs[0]?.data as Float32Array))
      answer(driver)
    }
    expect(seen).toEqual([
      [2, 2],
      [1, 1, 3, 3],
      [7, 7, 7],
    ])
    await Promise.all(runs)
  })

  it('go at hand behind a busy lane only when the batch is full', async () => {
    const { engine, driver } = await open({ maxSize: 2 }, { depth: 2 })
    const first = engine.run(rows(0))
    await flush()
    const second = engine.run(rows(1))
    await flush()
    expect(driver.held.map(given)).toEqual([[0]])
    const third = engine.run(rows(2))
    await flush()
    expect(driver.held.map(given)).toEqual([[0], [1, 2]])
    answer(driver)
    answer(driver)
    await Promise.all([first, second, third])
  })
})

describe('a request', () => {
  it('alone in its batch is passed on as it is', async () => {
    const { engine, driver } = await open({ maxSize: 8 })
    const request = rows(1, 2)
    const run = engine.run(request)
    await flush()
    expect(driver.held[0]?.inputs[0]?.data).toBe(request.x.data)
    answer(driver)
    expect(values((await run).y)).toEqual([10, 20])
    expect(engine.stats().bytesCopied).toBe(0)
  })

  it('of more rows than maxSize is split, on all cores, and put together again', async () => {
    const { engine, driver } = await open({ maxSize: 2 }, { cores: cores(3) })
    const run = engine.run(rows(1, 2, 3, 4, 5))
    await flush()
    expect(driver.held.map(given)).toEqual([[1, 2], [3, 4], [5]])
    answer(driver, driver.held[1])
    answer(driver, driver.held[1])
    answer(driver)
    const { y } = await run
    expect(values(y)).toEqual([10, 20, 30, 40, 50])
    expect(y?.shape).toEqual([5, 2])
    expect(engine.stats()).toMatchObject({ succeeded: 1, load: 0, batchSize: { count: 3 } })
  })

  it('gets its rows in the tensors that it brings', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const y = tensor('float32', [2, 2])
    const small = tensor('float32', [1, 2])
    const runs = [
      engine.run(rows(1, 2), { outputs: { y } }),
      failure(engine.run(rows(3, 4), { outputs: { y: small } })),
    ]
    await flush()
    answer(driver)
    expect(((await runs[0]) as { y: Tensor }).y).toBe(y)
    expect(values(y)).toEqual([10, 20])
    expect(await runs[1]).toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
  })

  it.each([
    ['whose inputs have different numbers of rows', [tensor('float32', [1, 2]), tensor('float32', [3, 2])]],
    ['without a row', [tensor('float32', [0, 2]), tensor('float32', [0, 2])]],
  ])('%s is refused', async (_, inputs) => {
    const info = (name: string): TensorInfo => ({ name, dataType: 'float32', shape: [-1, 2] })
    const { engine } = await open({ maxSize: 4 }, { inputs: [info('a'), info('b')] })
    const error = await failure(engine.run(inputs))
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
    expect(error.message).toContain('rows'.slice(0, 3))
    expect(engine.load).toBe(0)
  })
})

describe('a model whose rows cannot be joined is refused', () => {
  it.each([
    [
      'a fixed number of rows',
      { outputs: [{ name: 'y', dataType: 'float32', shape: [4, 2] }] },
      "output 'y'",
    ],
    ['a scalar', { inputs: [{ name: 'x', dataType: 'float32', shape: [] }] }, "input 'x'"],
    ['unknown inputs', { inputs: [] }, 'does not tell'],
  ] as const)('%s', async (_, spec, words) => {
    const opening = open({ maxSize: 4 }, spec as ManualDeviceSpec)
    const error = await failure(opening)
    expect(error.code).toBe('HAL_INVALID_ARGUMENT')
    expect(error.message).toContain(words)
  })
})

describe('when a batch fails', () => {
  it('each request is executed alone, and only the bad one fails', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const runs = Promise.allSettled([1, 2, 3].map((value) => engine.run(rows(value))))
    await flush()
    driver.fail(new HalError('HAL_INVALID_ARGUMENT', 'a row is out of range'))
    expect(given(driver.held[0])).toEqual([1])
    answer(driver)
    driver.fail(new HalError('HAL_INVALID_ARGUMENT', 'a row is out of range'))
    answer(driver)
    expect((await runs).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(engine.stats()).toMatchObject({ succeeded: 2, failed: 1, load: 0 })
  })

  it('because its worker is lost, what may be repeated is repeated', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const runs = Promise.allSettled([
      engine.run(rows(1)),
      engine.run(rows(2), { repeatable: true }),
      engine.run(rows(3), { repeatable: true }),
    ])
    await flush()
    driver.fail(new HalError('HAL_DEVICE_LOST', 'gone'))
    expect(given(driver.held[0])).toEqual([2, 3])
    answer(driver)
    const [first, ...others] = await runs
    expect((first as PromiseRejectedResult).reason).toMatchObject({ code: 'HAL_DEVICE_LOST' })
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(engine.stats()).toMatchObject({ repeated: 2, failed: 1, succeeded: 2 })
  })

  it('because workers are lost, every part of a split request is repeated once', async () => {
    const { engine, driver } = await open({ maxSize: 2 }, { cores: cores(2) })
    const run = engine.run(rows(1, 2, 3, 4), { repeatable: true })
    await flush()
    driver.fail(new HalError('HAL_DEVICE_LOST', 'gone'), driver.held[0])
    driver.fail(new HalError('HAL_DEVICE_LOST', 'gone too'), driver.held[0])
    expect(driver.held.map(given)).toEqual([
      [1, 2],
      [3, 4],
    ])
    answer(driver)
    answer(driver)
    expect(values((await run).y)).toEqual([10, 20, 30, 40])
    expect(engine.stats()).toMatchObject({ repeated: 1, succeeded: 1 })
    const again = failure(engine.run(rows(5), { repeatable: true }))
    await flush()
    for (let i = 0; i < 2; i++) driver.fail(new HalError('HAL_DEVICE_LOST', 'gone'))
    expect(await again).toMatchObject({ code: 'HAL_DEVICE_LOST' })
  })

  it('a part of a split request fails the whole of it', async () => {
    const { engine, driver } = await open({ maxSize: 2 })
    const run = failure(engine.run(rows(1, 2, 3, 4, 5)))
    await flush()
    driver.fail(new Error('broken'))
    expect(await run).toMatchObject({ message: 'broken' })
    // The second was on the core by then, the third never gets there.
    expect(driver.cancelled.map(given)).toEqual([[3, 4]])
    driver.fail(new HalError('HAL_ABORTED', 'stopped'))
    expect(driver.held).toHaveLength(0)
    expect(engine.load).toBe(0)
  })

  it('because it has other rows than it was given, nobody gets a wrong answer', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const runs = Promise.allSettled([1, 2].map((value) => engine.run(rows(value))))
    await flush()
    driver.answer(driver.held[0], { answer: { outputs: [tensor('float32', [1, 2])] } })
    for (const result of await runs) {
      expect((result as PromiseRejectedResult).reason).toMatchObject({ code: 'HAL_DATA_LOSS' })
    }
  })
})

describe('a request that is cancelled', () => {
  it('before its batch begins is left out of it', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const free = await occupy(engine, driver)
    const stop = new AbortController()
    const gone = failure(engine.run(rows(1), { signal: stop.signal }))
    const stays = engine.run(rows(2))
    await flush()
    stop.abort()
    expect(await gone).toMatchObject({ code: 'HAL_ABORTED' })
    await free()
    expect(given(driver.held[0])).toEqual([2])
    answer(driver)
    expect(values((await stays).y)).toEqual([20])
  })

  it('while its batch executes settles at once, and the others get their rows', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const stop = new AbortController()
    const gone = failure(engine.run(rows(1), { signal: stop.signal }))
    const stays = engine.run(rows(2))
    await flush()
    stop.abort()
    expect(await gone).toMatchObject({ code: 'HAL_ABORTED' })
    expect(driver.cancelled).toHaveLength(0)
    answer(driver)
    expect(values((await stays).y)).toEqual([20])
    expect(engine.stats()).toMatchObject({ cancelled: 1, succeeded: 1, strayAnswers: 0, load: 0 })
  })

  it('as the last of its batch stops that', async () => {
    const { engine, driver } = await open({ maxSize: 4 })
    const stop = new AbortController()
    const gone = [1, 2].map((value) => failure(engine.run(rows(value), { signal: stop.signal })))
    await flush()
    stop.abort()
    await Promise.all(gone)
    expect(driver.cancelled).toHaveLength(1)
    driver.fail(new HalError('HAL_ABORTED', 'stopped'))
    const next = engine.run(rows(5))
    await flush()
    answer(driver)
    expect(values((await next).y)).toEqual([50])
    await engine.close()
  })
})

describe('how long a request is held back', () => {
  beforeEach(
    () =>
      void vi.useFakeTimers({
        toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance', 'hrtime'],
      }),
  )
  afterEach(() => void vi.useRealTimers())

  it('with a fixed delay: until it is over, or the batch is full', async () => {
    const { engine, driver } = await open({ maxSize: 3, maxDelay: 50, adaptive: false })
    const first = engine.run(rows(1))
    await vi.advanceTimersByTimeAsync(40)
    expect(driver.held).toHaveLength(0)
    const second = engine.run(rows(2))
    await vi.advanceTimersByTimeAsync(11)
    expect(given(driver.held[0])).toEqual([1, 2])
    answer(driver)
    await Promise.all([first, second])
    const full = [3, 4, 5].map((value) => engine.run(rows(value)))
    await flush()
    expect(given(driver.held[0])).toEqual([3, 4, 5])
    answer(driver)
    await Promise.all(full)
  })

  it('expires on its own timeout meanwhile', async () => {
    const { engine, driver } = await open({ maxSize: 3, maxDelay: 5_000, adaptive: false })
    const late = failure(engine.run(rows(1), { timeout: 100 }))
    await vi.advanceTimersByTimeAsync(101)
    expect(await late).toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED' })
    await vi.advanceTimersByTimeAsync(6_000)
    expect(driver.given).toHaveLength(0)
  })

  it('adaptive: not at all while requests come seldom', async () => {
    const { engine, driver } = await open({ maxSize: 8, maxDelay: 50 })
    for (let value = 0; value < 20; value++) {
      const run = engine.run(rows(value))
      await flush()
      expect(driver.held).toHaveLength(1)
      answer(driver, driver.held[0], 4)
      await run
      await vi.advanceTimersByTimeAsync(20)
    }
  })

  it('adaptive: for a moment, when others are about to come and an execution of their own costs more', async () => {
    const { engine, driver } = await open({ maxSize: 8, maxDelay: 50 })
    // Executions of one row and of two take 10 and 11 ms: 9 ms are saved by each that is joined.
    for (const size of [1, 2, 1, 2]) {
      const runs = Array.from({ length: size }, (_, i) => engine.run(rows(i)))
      await flush()
      answer(driver, driver.held[0], 9 + size)
      await Promise.all(runs)
    }
    // They come a millisecond after each other.
    const runs: Promise<unknown>[] = []
    const seen: number[][] = []
    for (let value = 0; value < 24; value++) {
      runs.push(engine.run(rows(value)))
      await vi.advanceTimersByTimeAsync(1)
      if (driver.held.length === 0) continue
      seen.push(given(driver.held[0]))
      answer(driver, driver.held[0], 9 + (seen.at(-1)?.length ?? 0))
    }
    await vi.advanceTimersByTimeAsync(50)
    while (driver.held.length > 0) answer(driver)
    await Promise.all(runs)
    expect(Math.max(...seen.map(({ length }) => length))).toBeGreaterThan(2)
  })
})

it('closing settles what is held back', async () => {
  const { engine, driver } = await open({ maxSize: 4, maxDelay: 20, adaptive: false })
  const run = engine.run(rows(1))
  const closing = engine.close()
  await vi.waitFor(() => expect(driver.held).toHaveLength(1))
  answer(driver)
  expect(values((await run).y)).toEqual([10])
  await closing
})

it('a callback gets its rows and the argument of its run', async () => {
  const { engine, driver } = await open({ maxSize: 4 })
  const seen: unknown[] = []
  engine.registerCallback(({ y }, userArg) => void seen.push([userArg, values(y)]))
  for (const value of [1, 2]) engine.tryRunAsync(rows(value), `run ${value}`)
  await flush()
  answer(driver)
  expect(seen).toEqual([
    ['run 1', [10]],
    ['run 2', [20]],
  ])
})
