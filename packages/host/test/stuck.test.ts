import { existsSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { createHal, type Engine, tensor } from '@xpu-hal/core'
import { type Backend, type LogLevel, silent } from '@xpu-hal/core/backend'
import { expect, onTestFinished, test } from 'vitest'
import { type HostOptions, host } from '../dist/index.js'
import { createLog, footprint, info, openGate, reached, Word } from './open.js'

const canCount = existsSync('/proc/self/task')
const testWithCounts = test.skipIf(!canCount)
if (!canCount) console.log('skipped: threads are counted in /proc/self/task, which this system lacks')

type Limits = NonNullable<HostOptions<unknown>['limits']>

/** Far longer than a thread that is well needs, on a busy machine too. */
const LIMITS: Limits = { run: 600, open: 5_000, close: 5_000 }
/** Threads that an engine may leave behind. */
const MAX_STUCK = 16

interface Setup {
  readonly config: Readonly<Record<string, unknown>>
  readonly cores?: number
  readonly depth?: number
  readonly limits?: Limits
  readonly logger?: (level: LogLevel, message: string) => void
}

interface Opened {
  readonly engine: Engine
  /** What the engine told, in order: the code of a loss, and 'recovered'. */
  readonly told: string[]
}

/** An engine on the runner of the fixture. The gate is opened when the test is over, so that nothing stays behind. */
async function openEngine({
  config,
  cores: count = 1,
  depth = 1,
  limits = LIMITS,
  logger = silent,
}: Setup): Promise<Opened> {
  const cores = Array.from({ length: count }, (_, i) => ({ id: `NPU_${i}`, slots: 1 }))
  const backend: Backend = {
    ...{ specVersion: 1, name: 'fixture', version: '1' },
    doDevices: async () => [
      {
        info: {
          ...{ id: 'fixture:0', name: 'Fixture', vendor: 'test', kind: 'npu', cores },
          capabilities: {
            ...{ dataTypes: ['float32'], dynamicShapes: true, modelFromBytes: true, runSync: false },
            ...{ cancelRunning: false, isolation: ['thread'] },
          },
        },
        options: [],
        doOpen: async (request) =>
          host({
            module: new URL('./fixtures/runner.mjs', import.meta.url),
            model: { kind: 'bytes', name: 'none', bytes: new Uint8Array(1) },
            config: { inputs: [info('x', 'float32', [1])], outputs: [info('y', 'float32', [1])], ...config },
            workers: request.cores.map((core) => ({ core })),
            ...{ isolation: 'thread', depth, limits, logger, runSync: false },
          }),
      },
    ],
  }
  const hal = createHal({ backends: [backend] })
  const engine = await hal.openEngine(new Uint8Array(1))
  onTestFinished(async () => {
    openGate(config.log as Int32Array)
    await hal.close()
  })
  const told: string[] = []
  engine.on('lost', ({ code }) => told.push(code))
  engine.on('recovered', () => told.push('recovered'))
  return { engine, told }
}

const x = (value: number) => ({ x: tensor('float32', [1], [value]) })
const plain = (value: number) => ({
  x: { dataType: 'float32', shape: [1], data: Float32Array.of(value) } as const,
})

/** The number that came back, or the code of the error. */
async function result(engine: Engine, value: number): Promise<unknown> {
  return engine.run(x(value)).then(
    ({ y }) => y?.data[0],
    ({ code }) => code,
  )
}

const results = (engine: Engine, ...values: number[]) =>
  Promise.all(values.map((value) => result(engine, value)))
const word = (log: Int32Array, which: number) => Atomics.load(log, which)
const LOST = 'HAL_DEVICE_LOST'

test('a stuck run fails; those at hand behind it are served by another thread, in their order', async () => {
  const log = createLog()
  const { engine, told } = await openEngine({ config: { run: 'stick', log }, depth: 3 })
  const order: number[] = []
  const first = await result(engine, 7)
  engine.on('run', ({ job }) => order.push(job))
  // As many as a lane takes, and two that wait.
  expect([first, await results(engine, -1, 1, 2, 3, 4, 5)]).toEqual([7, [LOST, 1, 2, 3, 4, 5]])
  expect(order).toEqual([...order].sort((a, b) => a - b))
  expect(told).toEqual([LOST, 'recovered'])
  expect(word(log, Word.opened)).toBe(2)
  expect(engine.stats()).toMatchObject({ accepted: 7, succeeded: 6, failed: 1, strayAnswers: 0 })
})

test('another core serves meanwhile', async () => {
  const log = createLog()
  const { engine, told } = await openEngine({ config: { run: 'stick', log, refuses: [3, 1_000] }, cores: 2 })
  const stuck = result(engine, -1)
  await reached(log, Word.entered, 1)
  expect(await results(engine, 1, 2, 3)).toEqual([1, 2, 3])
  expect(await stuck).toBe(LOST)
  // The core of the stuck run is refused to open again.
  expect(await results(engine, 4, 5, 6)).toEqual([4, 5, 6])
  expect(told).toEqual([LOST])
})

test('the answer of a stuck run comes too late for anybody, and into memory that nobody else has', async () => {
  const log = createLog()
  const { engine } = await openEngine({ config: { run: 'stick', log } })
  const errors: string[] = []
  const failed = new Promise<void>((resolve) => {
    engine.on('error', ({ code }) => {
      errors.push(code)
      resolve()
    })
  })
  let held: unknown
  let letGo = () => {}
  const holding = new Promise<void>((isHeld) => {
    engine.registerCallback(async ({ y }, value) => {
      if (value !== 'held') return
      held = y
      isHeld()
      // Until now its memory would be used for other runs.
      await new Promise<void>((resolve) => {
        letGo = resolve
      })
    })
  })
  // From plain memory, so that the engine copies the inputs into memory that it uses again.
  await engine.runAsync(plain(-1))
  await failed
  await engine.runAsync(plain(5), 'held')
  await holding
  const reading = engine.run(plain(-2))
  openGate(log)
  expect((await reading).y?.data[0]).toBe(-2)
  expect(word(log, Word.written)).toBe(1)
  expect(held).toEqual(tensor('float32', [1], [5]))
  letGo()
  await reached(log, Word.closed, 1)
  expect(await results(engine, 1, 2, 3)).toEqual([1, 2, 3])
  expect(errors).toEqual([LOST])
  expect(engine.stats().strayAnswers).toBe(0)
})

testWithCounts('a thread that comes back late closes its runner and ends', async () => {
  const warm = await openEngine({ config: { run: 'stick', log: createLog() } })
  await warm.engine.close()
  const before = await footprint()
  const log = createLog()
  const { engine } = await openEngine({ config: { run: 'stick', log } })
  expect(await results(engine, -1, 1)).toEqual([LOST, 1])
  await engine.close()
  // What the engine shares stays for the one that was left behind.
  expect([word(log, Word.closed), word(log, Word.unloaded)]).toEqual([1, 0])
  openGate(log)
  await reached(log, Word.closed, 2)
  await reached(log, Word.unloaded, 1)
  await expect.poll(footprint, { timeout: 20_000 }).toEqual(before)
})

test('with too many threads stuck, the engine is lost for good', async () => {
  const log = createLog()
  const { engine, told } = await openEngine({ config: { run: 'stick', log }, cores: MAX_STUCK + 1 })
  const stuck = Array.from({ length: MAX_STUCK + 1 }, () => result(engine, -1))
  expect(new Set(await Promise.all(stuck))).toEqual(new Set([LOST]))
  expect(told).toHaveLength(MAX_STUCK + 1)
  await expect(engine.run(x(1))).rejects.toMatchObject({ code: LOST })
  await engine.close()
})

test('threads that came back do not count as stuck', async () => {
  const log = createLog()
  const limits = { ...LIMITS, run: 100 }
  const { engine, told } = await openEngine({ config: { run: 'stick', log }, cores: 6, limits })
  for (let round = 1; round <= 3; round++) {
    Atomics.store(log, Word.gate, 0)
    await results(engine, -1, -1, -1, -1, -1, -1)
    openGate(log)
    await reached(log, Word.closed, 6 * round)
    await expect.poll(() => told.filter((what) => what === 'recovered').length).toBe(6 * round)
  }
  expect(await result(engine, 1)).toBe(1)
})

test('a runner that does not open again is tried again', async () => {
  const log = createLog()
  const warnings: string[] = []
  const logger = (level: LogLevel, message: string) => level === 'warn' && warnings.push(message)
  const { engine, told } = await openEngine({ config: { run: 'stick', log, refuses: [2, 5] }, logger })
  expect(await results(engine, -1, 1, 2)).toEqual([LOST, 1, 2])
  expect(told).toEqual([LOST, 'recovered'])
  expect(warnings).toEqual([2, 3, 4].map((n) => expect.stringContaining(`refused at attempt ${n}`)))
})

test('threads that are stuck in opening count, too', async () => {
  const log = createLog()
  const limits = { ...LIMITS, open: 2_000 }
  const cores = MAX_STUCK
  const { engine, told } = await openEngine({
    config: { run: 'stick', log, hangs: cores + 1 },
    cores,
    limits,
  })
  const stuck = Array.from({ length: cores }, () => result(engine, -1))
  expect(new Set(await Promise.all([...stuck, result(engine, 1)]))).toEqual(new Set([LOST]))
  expect(told).toHaveLength(cores + 1)
  // One for each core at first, and one more.
  expect(word(log, Word.attempts)).toBe(2 * cores)
})

testWithCounts.each([
  ['is refused', { refuses: [2, 1_000] }],
  ['hangs', { hangs: 2 }],
])('an engine closes while its runner is opened again and %s', async (_, trouble) => {
  const warm = await openEngine({ config: { run: 'stick', log: createLog() } })
  await warm.engine.close()
  const before = await footprint()
  const log = createLog()
  const limits = { ...LIMITS, open: 500 }
  const { engine } = await openEngine({ config: { run: 'stick', log, ...trouble }, limits })
  expect(await result(engine, -1)).toBe(LOST)
  await reached(log, Word.attempts, 2)
  await engine.close()
  // The one that was left behind may still use it.
  expect(word(log, Word.unloaded)).toBe(0)
  openGate(log)
  await reached(log, Word.unloaded, 1)
  await expect.poll(footprint, { timeout: 20_000 }).toEqual(before)
})

test('a pipelined runner that is lost fails what it has, and is opened anew on its thread for the rest', async () => {
  const log = createLog()
  const { engine, told } = await openEngine({ config: { run: 'fragile', log }, depth: 3 })
  expect(await result(engine, 7)).toBe(7)
  expect(await results(engine, -3, 1, 2, 3, 4, 5, 6)).toEqual([LOST, LOST, LOST, 3, 4, 5, 6])
  expect(told).toEqual([LOST, 'recovered'])
  expect([word(log, Word.opened), word(log, Word.closed)]).toEqual([2, 1])
})

testWithCounts('a runner that is lost while its engine closes is closed, and its thread ends', async () => {
  const warm = await openEngine({ config: { run: 'fragile', log: createLog() } })
  await warm.engine.close()
  const before = await footprint()
  const log = createLog()
  const { engine } = await openEngine({ config: { run: 'fragile', log }, cores: 2, limits: {} })
  const controller = new AbortController()
  const abandoned = [-4, -5].map((value) => engine.run(x(value), { signal: controller.signal }))
  await reached(log, Word.entered, 2)
  controller.abort()
  for (const run of abandoned) await expect(run).rejects.toMatchObject({ code: 'HAL_ABORTED' })
  const closed = engine.close()
  openGate(log)
  // Time for the loss to be told, while the other core has not finished.
  for (let i = 0; i < 1_000; i++) await turn()
  Atomics.store(log, Word.written, 1)
  Atomics.notify(log, Word.written)
  await closed
  expect([word(log, Word.closed), word(log, Word.unloaded)]).toEqual([2, 1])
  await expect.poll(footprint, { timeout: 20_000 }).toEqual(before)
})

test('a pipelined runner that is stuck takes with it what it has', async () => {
  const log = createLog()
  const { engine, told } = await openEngine({ config: { run: 'fragile', log }, depth: 3 })
  const first = results(engine, -1, 1, 2)
  // Three were sent, and the first is received.
  await reached(log, Word.entered, 4)
  const others = results(engine, 3, 4, 5)
  expect(await first).toEqual([LOST, LOST, LOST])
  expect(await others).toEqual([3, 4, 5])
  expect(told).toEqual([LOST, 'recovered'])
  openGate(log)
  await reached(log, Word.closed, 1)
  expect(await results(engine, 6, 7)).toEqual([6, 7])
})
