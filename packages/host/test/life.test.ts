import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Isolation, type LogLevel, type Model, silent, tensor } from '@xpu-hal/core/backend'
import { expect, test } from 'vitest'
import { host } from '../dist/index.js'
import { createLog, footprint, info, open, openGate, reached, run, Word } from './open.js'

const xy = { inputs: [info('x')], outputs: [info('y')] }
const x = (value = 0) => [tensor('float32', [1], [value])]
const y = () => [tensor('float32', [1])]
const canCount = existsSync('/proc/self/task')
const testWithCounts = test.skipIf(!canCount)
if (!canCount) console.log('skipped: threads are counted in /proc/self/task, which this system lacks')

/** Starts what Node starts once a process, so that it does not count as a leak. */
async function warmUp(): Promise<void> {
  await (await open({ run: 'copy', ...xy }, ['NPU_0', 'NPU_1'])).doClose()
}

const node = (script: string, ...flags: string[]) =>
  promisify(execFile)(process.execPath, [
    ...flags,
    fileURLToPath(new URL(`./fixtures/${script}`, import.meta.url)),
  ])

testWithCounts(
  'close lets runs settle, then closes every runner, unloads once and leaves no thread',
  async () => {
    await warmUp()
    const before = await footprint()
    const log = createLog()
    const driver = await open({ run: 'gate', log, ...xy }, ['NPU_0', 'NPU_1'])
    const runs = [run(driver, x(1), y()), run(driver, x(2), y()), run(driver, x(3), y(), { lane: 1 })]
    await reached(log, Word.entered, 2)
    const closed = driver.doClose()
    expect(driver.doClose()).toBe(closed)
    // Until a close that does not wait has had its chance.
    await turn()
    expect(Atomics.load(log, Word.closed)).toBe(0)
    openGate(log)
    expect((await Promise.all(runs)).map(({ outputs }) => outputs[0]?.data[0])).toEqual([1, 2, 3])
    await closed
    expect([Word.opened, Word.closed, Word.unloaded].map((word) => Atomics.load(log, word))).toEqual([
      2, 2, 1,
    ])
    expect(await footprint()).toEqual(before)
  },
)

testWithCounts.each([
  [
    { load: 'throw' },
    { code: 'HAL_NOT_FOUND', message: 'no such weights', native: { call: 'LoadModel', status: -3 } },
  ],
  [
    { open: 'throw 1' },
    { code: 'HAL_INTERNAL', message: 'core NPU_1 is taken', cause: { name: 'RangeError' } },
  ],
  [{ load: 'exit' }, { code: 'HAL_DEVICE_LOST' }],
])('a failure at the start, %j, rejects and leaves no thread', async (fault, expected) => {
  await warmUp()
  const before = await footprint()
  const log = createLog()
  const error = await open({ run: 'copy', log, ...xy, ...fault }, ['NPU_0', 'NPU_1']).catch((error) => error)
  expect(error).toMatchObject(expected)
  if (error.code !== 'HAL_DEVICE_LOST') expect(error.stack).toContain('runner.mjs')
  expect(Atomics.load(log, Word.closed)).toBe(Atomics.load(log, Word.opened))
  expect(Atomics.load(log, Word.unloaded)).toBe('open' in fault ? 1 : 0)
  expect(await footprint()).toEqual(before)
})

test('a module that cannot be imported, or has the wrong exports, or a config that cannot be cloned, is named', async () => {
  const model: Model = { kind: 'file', name: 'none', path: 'none' }
  const workers = [{ core: 'NPU_0' }]
  const options = { model, config: {}, workers, isolation: 'thread', logger: silent } as const
  const missing = new URL('./fixtures/missing.mjs', import.meta.url)
  await expect(host({ ...options, module: missing })).rejects.toThrow('missing.mjs')
  const wrong = new URL('data:text/javascript,export const load = 1')
  await expect(host({ ...options, module: wrong })).rejects.toMatchObject({ code: 'HAL_INVALID_ARGUMENT' })
  await expect(open({ run: 'copy', odd: () => 1 })).rejects.toMatchObject({ code: 'HAL_INTERNAL' })
})

test('a worker that dies while others are opening fails the opening', async () => {
  const log = createLog()
  const logger = (level: LogLevel) => level === 'error' && openGate(log)
  const opening = open({ run: 'copy', log, open: 'die early', ...xy }, ['NPU_0', 'NPU_1'], 'thread', logger)
  await expect(opening).rejects.toMatchObject({
    code: 'HAL_DEVICE_LOST',
    message: expect.stringContaining('NPU_0'),
  })
})

testWithCounts('where a thread cannot be made, those made before end', async () => {
  await warmUp()
  const before = await footprint()
  const unnameable = Symbol() as unknown as string
  await expect(open({ run: 'copy', ...xy }, ['NPU_0', unnameable])).rejects.toMatchObject({
    name: 'HalError',
  })
  expect(await footprint()).toEqual(before)
})

test('an isolation that does not exist is refused with those that do', async () => {
  await expect(open({ run: 'copy' }, ['NPU_0'], 'cell' as Isolation)).rejects.toMatchObject({
    code: 'HAL_UNIMPLEMENTED',
    message: expect.stringContaining('thread, process, inline'),
  })
})

testWithCounts(
  'a worker that dies fails its runs with HAL_DEVICE_LOST; others go on, close works',
  async () => {
    await warmUp()
    const before = await footprint()
    const logged: [LogLevel, string][] = []
    const logger = (level: LogLevel, message: string) => logged.push([level, message])
    const log = createLog()
    const driver = await open({ run: 'exit', log, ...xy }, ['NPU_0', 'NPU_1'], 'thread', logger)
    const events: unknown[] = []
    driver.doSubscribe?.((event) => events.push(event))
    const lost = { code: 'HAL_DEVICE_LOST', message: expect.stringContaining('NPU_0') }
    const [first, second] = [run(driver, x(1), y()), run(driver, x(2), y())]
    await expect(first).rejects.toMatchObject(lost)
    await expect(second).rejects.toMatchObject(lost)
    await expect(run(driver, x(2), y())).rejects.toMatchObject(lost)
    expect(logged).toEqual([['error', expect.stringContaining('NPU_0')]])
    expect(events).toEqual([{ kind: 'lost', error: expect.objectContaining({ code: 'HAL_DEVICE_LOST' }) }])
    expect((await run(driver, x(2), y(), { lane: 1 })).outputs[0]?.data[0]).toBe(2)
    await driver.doClose()
    expect(Atomics.load(log, Word.closed)).toBe(1)
    expect(await footprint()).toEqual(before)
  },
)

test('what is thrown on the event loop of a worker ends it, and is the cause', async () => {
  const driver = await open({ run: 'copy', open: 'late throw', ...xy })
  await expect(run(driver, x(), y())).rejects.toMatchObject({
    code: 'HAL_DEVICE_LOST',
    cause: { message: 'thrown on the event loop' },
  })
  await driver.doClose()
})

test('who listens late is told what happened before', async () => {
  let died = () => {}
  const death = new Promise<void>((resolve) => (died = resolve))
  const logger = (level: LogLevel) => level === 'error' && died()
  const driver = await open({ run: 'copy', open: 'late throw', ...xy }, ['NPU_0'], 'thread', logger)
  await death
  const events: string[] = []
  driver.doSubscribe?.(({ kind }) => events.push(kind))
  expect(events).toEqual(['lost'])
})

test('a close that fails is told, after everything else was freed', async () => {
  const log = createLog()
  const driver = await open({ run: 'copy', log, close: 'throw', ...xy }, ['NPU_0', 'NPU_1'])
  await expect(driver.doClose()).rejects.toMatchObject({ code: 'HAL_INTERNAL', message: 'close failed' })
  expect([Word.closed, Word.unloaded].map((word) => Atomics.load(log, word))).toEqual([2, 1])
})

test('runSync runs on the calling thread with what the first worker loaded', async () => {
  const log = createLog()
  const outputs = [info('y'), info('info', 'int32', [3])]
  const driver = await open({ run: 'arithmetic', log, inputs: [info('x')], outputs })
  const request = { inputs: x(4), inputNames: ['x'], outputs: [...y(), tensor('int32', [3])] }
  expect(Atomics.load(log, Word.opened)).toBe(1)
  for (let i = 0; i < 2; i++) {
    const answer = driver.doRunSync?.(request)
    expect(answer?.outputs[0]).toBe(request.outputs[0])
    expect(answer?.outputs[0]?.data[0]).toBe(7)
    expect(answer?.outputs[1]?.data[0]).toBe(-1)
  }
  expect(Atomics.load(log, Word.opened)).toBe(2)
  await driver.doClose()
  expect([Word.closed, Word.unloaded].map((word) => Atomics.load(log, word))).toEqual([2, 1])
})

test('runSync of a runner that opens asynchronously is refused, and its runner closed', async () => {
  const log = createLog()
  const driver = await open({ run: 'copy', log, asyncInline: true, ...xy })
  expect(() => driver.doRunSync?.({ inputs: x(), inputNames: ['x'], outputs: y() })).toThrow(/asynchronously/)
  await reached(log, Word.closed, 1)
})

test('inline: everything on the calling thread, any memory', async () => {
  const log = createLog()
  const driver = await open({ run: 'copy', log, ...xy }, ['NPU_0', 'NPU_1'], 'inline')
  expect(driver).toMatchObject({
    memory: 'any',
    lanes: [
      { core: 'NPU_0', depth: 1 },
      { core: 'NPU_1', depth: 1 },
    ],
  })
  const plain = { dataType: 'float32', shape: [1], data: new Float32Array([6]) } as const
  const [out] = y()
  const answer = await run(driver, [plain], [out], { lane: 1 })
  expect(answer.outputs[0]).toBe(out)
  expect(out?.data[0]).toBe(6)
  expect(driver.doRunSync?.({ inputs: [plain], inputNames: ['x'], outputs: [out] }).bytesCopied).toBe(7)
  await driver.doClose()
  expect([Word.opened, Word.closed, Word.unloaded].map((word) => Atomics.load(log, word))).toEqual([2, 2, 1])
})

test('inline: errors are the same', async () => {
  const driver = await open({ run: 'throwError', ...xy }, ['NPU_0'], 'inline')
  await expect(run(driver, x(), y())).rejects.toMatchObject({
    code: 'HAL_INTERNAL',
    cause: { name: 'SyntaxError' },
  })
  const failed = open({ run: 'copy', open: 'throw 0' }, ['NPU_0'], 'inline')
  await expect(failed).rejects.toMatchObject({ code: 'HAL_INTERNAL', cause: { name: 'RangeError' } })
})

test.each(['idle.mjs', 'idle.cjs'])(
  'a process with an idle open driver ends by itself: %s',
  async (script) => {
    expect((await node(script)).stdout).toBe('7\n')
  },
)

test('buffers that the application has dropped are dropped by the worker', async () => {
  expect((await node('collect.mjs', '--expose-gc')).stdout).toBe('50 collected\n')
})

test('dropped tensors do not pile up, though V8 does not see the size of shared memory', async () => {
  expect((await node('pressure.mjs')).stdout).toBe('most are gone\n')
})
