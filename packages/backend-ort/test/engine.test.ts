import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Tensor, tensor } from '@xpu-hal/core'
import type { DeviceDriver, EngineDriver, OptionValues, RunAnswer } from '@xpu-hal/core/backend'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { OrtConfig } from '../src/index.js'
import { ortOptions, resolveThreads } from '../src/options.js'
import { failure, floats, identity, longRun, nonZero } from './support.js'

// Worker threads need JavaScript on disk: these tests run what was built.
const built = new URL('../dist/index.js', import.meta.url)
const { ort } = (await import(built.href)) as typeof import('../src/index.js')

const silent = () => {}
const open: EngineDriver[] = []
afterEach(async () => {
  for (const driver of open.splice(0)) await driver.doClose()
})

async function device(config?: OrtConfig): Promise<DeviceDriver> {
  const [first] = await ort(config).doDevices({ logger: silent })
  return first as DeviceDriver
}

const defaults = Object.fromEntries(ortOptions.map((option) => [option.name, option.default]))

async function openEngine(bytes: Uint8Array, options: OptionValues = {}): Promise<EngineDriver> {
  const driver = await (await device()).doOpen({
    engine: 'engine:1',
    model: { kind: 'bytes', name: 'model', bytes },
    options: { isolation: 'thread', useOrt: true, ...defaults, ...options },
    cores: ['CPU'],
    logger: silent,
  })
  open.push(driver)
  return driver
}

let jobs = 0
function start(
  driver: EngineDriver,
  lane: number,
  inputs: readonly Tensor[],
  outputs?: readonly (Tensor | undefined)[],
) {
  let settle: { done(answer: RunAnswer): void; fail(error: unknown): void } | undefined
  const answer = new Promise<RunAnswer>((done, fail) => {
    settle = { done, fail }
  })
  const run = {
    job: ++jobs,
    lane,
    inputs,
    inputNames: driver.inputs.map(({ name }) => name),
    outputs: outputs ?? driver.outputs.map(() => undefined),
    done: (value: RunAnswer) => settle?.done(value),
    fail: (error: unknown) => settle?.fail(error),
    giveBack: () => settle?.fail(new Error('given back')),
    lose: (error: unknown) => settle?.fail(error),
  }
  driver.doRun(run)
  return { run, answer }
}

test('the device is the CPU, with a slot a core', async () => {
  const { info } = await device()
  expect(info).toMatchObject({
    id: 'ort:cpu',
    kind: 'cpu',
    cores: [{ id: 'CPU', slots: availableParallelism() }],
  })
  expect(info.name).toMatch(/^ONNX Runtime 1\.\d+\.\d+ on /)
})

test('a library that does not load leaves no device, and says why', async () => {
  const error = await failure(() => device({ library: '/nowhere/libonnxruntime.so' }))
  expect(error).toMatchObject({
    code: 'HAL_UNAVAILABLE',
    message: expect.stringMatching(/\/nowhere\/libonnx.*library/),
  })
})

describe('threads', () => {
  test.each([
    [{}, 8, 8, 1],
    [{ threadsPerWorker: 3 }, 8, 2, 3],
    [{ threadsPerWorker: 16 }, 8, 1, 16],
    [{ workers: 2 }, 8, 2, 1],
    [{ workers: 1 }, 8, 1, 1],
    [{ workers: 8, threadsPerWorker: 4 }, 8, 8, 4],
    [{ isolation: 'inline' }, 8, 1, 1],
  ])('%j on %i cores', (options, cores, workers, threadsPerWorker) => {
    expect(resolveThreads(options, cores)).toEqual({ workers, threadsPerWorker })
  })

  test('a lane for each worker', async () => {
    const driver = await openEngine(identity('float32', [1]), { workers: 3 })
    expect(driver.lanes.map(({ core }) => core)).toEqual(['CPU', 'CPU', 'CPU'])
    expect((await openEngine(identity('float32', [1]))).lanes).toHaveLength(availableParallelism())
  })
})

test('three workers run one session at the same time, each run with its own answer and without a copy', async () => {
  const driver = await openEngine(longRun(64, 3), { workers: 3 })
  const runs = Array.from({ length: 30 }, (_, i) => {
    const x = tensor('float32', [64, 64])
    for (let d = 0; d < 64; d++) x.data[d * 65] = i + 1
    const y = tensor('float32', [64, 64])
    return { i, y, answer: undefined as RunAnswer | undefined, inputs: [x] }
  })
  const perLane = [0, 1, 2].map(async (lane) => {
    for (const run of runs.filter(({ i }) => i % 3 === lane)) {
      run.answer = await start(driver, lane, run.inputs, [run.y]).answer
    }
  })
  await Promise.all(perLane)
  for (const { i, y, answer } of runs) {
    expect(answer?.bytesCopied).toBe(0)
    expect(answer?.outputs[0]?.data).toBe(y.data)
    expect(y.data[65]).toBe((i + 1) ** 4)
  }
})

test.for(['thread', 'inline'])('isolation %s: dynamic shapes, strings, bytes', async (isolation) => {
  const dynamic = await openEngine(nonZero(4, [1, 4]), { isolation, workers: 1 })
  const expected = tensor('int64', [1, 2], [1n, 3n])
  for (const memory of [undefined, tensor('int64', [1, 4]), tensor('int64', [1, 4])]) {
    const { outputs } = await start(dynamic, 0, [floats([0, 1, 0, 1])], [memory]).answer
    expect(outputs[0]).toEqual(expected)
  }
  const strings = await openEngine(identity('string', [2]), { isolation, workers: 1 })
  const x = tensor('string', [2], ['', 'Grüße'])
  expect((await start(strings, 0, [x]).answer).outputs).toEqual([x])
})

test('runSync shares the session', async () => {
  const driver = await openEngine(identity('float32', [2]), { workers: 1 })
  const answer = driver.doRunSync?.({ inputs: [floats([1, 2])], inputNames: ['x'], outputs: [undefined] })
  expect(answer?.outputs).toEqual([floats([1, 2])])
})

test('a model that does not load rejects with the error of ONNX Runtime', async () => {
  expect(await failure(() => openEngine(Buffer.from('no model'), { workers: 2 }))).toMatchObject({
    code: 'HAL_INVALID_ARGUMENT',
    native: { status: 'ORT_INVALID_PROTOBUF' },
  })
})

test('a run is cancelled while it executes, the event loop is free meanwhile, and the next run is fine', async () => {
  const driver = await openEngine(longRun('n', 2000), { workers: 1 })
  const cpuBefore = process.cpuUsage().user
  const { run, answer } = start(driver, 0, [tensor('float32', [1024, 1024])])
  // The run takes minutes unless it is stopped. It has begun when the process computes while this thread waits.
  let turns = 0
  while (process.cpuUsage().user - cpuBefore < 100_000) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    turns++
  }
  expect(turns).toBeGreaterThan(1)
  driver.doCancel?.(run)
  expect(await failure(() => answer)).toMatchObject({ code: 'HAL_ABORTED', native: { call: 'Run' } })
  const small = tensor('float32', [2, 2], [1, 0, 0, 1])
  expect((await start(driver, 0, [small]).answer).outputs).toEqual([small])
})

describe('a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-ort-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  const script = (body: string) => `
    import { ort } from ${JSON.stringify(built.href)}
    const logger = () => {}
    const [device] = await ort().doDevices({ logger })
    const options = ${JSON.stringify(defaults)}
    const bytes = Uint8Array.from(${JSON.stringify([...identity('float32', [2])])})
    const open = (isolation, bytes_ = bytes) => device.doOpen({ engine: 'e', model: { kind: 'bytes', name: 'm', bytes: bytes_ },
      options: { ...options, useOrt: true, isolation, workers: 2, threadsPerWorker: 2 }, cores: ['CPU'], logger })
    const x = { dataType: 'float32', shape: [2], data: new Float32Array(new SharedArrayBuffer(8)) }
    const run = (driver, lane) => new Promise((done, fail) =>
      driver.doRun({ job: 1, lane, inputs: [x], inputNames: ['x'], outputs: [undefined], done, fail }))
    ${body}`
  const bodies: [name: string, body: string][] = [
    [
      'closes every engine',
      `for (const kind of ['thread', 'inline']) { const d = await open(kind); await run(d, 0); await run(d, 1); await d.doClose() }`,
    ],
    [
      'ends with engines open',
      `for (const kind of ['thread', 'inline']) { const d = await open(kind); await run(d, 0) } process.exit()`,
    ],
    [
      'opens and closes engines again and again',
      `for (let i = 0; i < 10; i++) { const d = await open('thread'); await run(d, 1); await d.doClose() }`,
    ],
    [
      'was refused a model',
      `await open('thread', Uint8Array.of(1, 2, 3)).catch(() => {}); await open('inline', Uint8Array.of(1, 2, 3)).catch(() => {})`,
    ],
    ['leaves an engine open', `const d = await open('thread'); await run(d, 0)`],
    ['only looked for devices', ''],
    [
      'collects its garbage',
      `for (let i = 0; i < 3; i++) { gc(); await new Promise((resolve) => setImmediate(resolve)) }
      const d = await open('inline'); await run(d, 0); await d.doClose()`,
    ],
  ]
  test.each(bodies)('that %s ends by itself, and nothing is printed', (_, body) => {
    const file = join(folder, 'main.mjs')
    writeFileSync(file, script(body))
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', file], {
      encoding: 'utf8',
    })
    expect({ status, signal, stdout, stderr }).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
  })
})
