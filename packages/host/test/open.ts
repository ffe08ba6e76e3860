import { readdirSync } from 'node:fs'
import {
  type DataType,
  type DriverRun,
  type EngineDriver,
  type Isolation,
  type Logger,
  type RunAnswer,
  silent,
  type Tensor,
  type TensorInfo,
} from '@xpu-hal/core/backend'
import { onTestFinished } from 'vitest'
import { endIdleWorkers, host } from '../dist/index.js'

const runnerModule = new URL('./fixtures/runner.mjs', import.meta.url)

/** Words of the log of the fixture. */
export const Word = {
  gate: 0,
  entered: 1,
  opened: 2,
  closed: 3,
  unloaded: 4,
  collected: 5,
  attempts: 6,
  written: 7,
}

export const createLog = () => new Int32Array(new SharedArrayBuffer(32))

export const info = (name: string, dataType: DataType = 'float32', shape = [-1]): TensorInfo => ({
  name,
  dataType,
  shape,
})

interface Config {
  readonly run: string
  readonly log?: Int32Array
  readonly inputs?: readonly TensorInfo[]
  readonly outputs?: readonly TensorInfo[]
  readonly [more: string]: unknown
}

/** Opens the runner of the fixture, and closes it when the test is over. */
export async function open(
  config: Config,
  cores: readonly string[] = ['NPU_0'],
  isolation: Isolation = 'thread',
  logger: Logger = silent,
  depth = 1,
): Promise<EngineDriver> {
  const driver = await host({
    module: runnerModule,
    model: { kind: 'bytes', name: 'none', bytes: new Uint8Array(1) },
    config: { log: createLog(), ...config },
    workers: cores.map((core) => ({ core })),
    isolation,
    logger,
    depth,
  })
  onTestFinished(() => driver.doClose().catch(() => {}))
  return driver
}

let jobs = 0

export interface Started {
  readonly run: DriverRun
  readonly answer: Promise<RunAnswer>
}

export function start(
  driver: EngineDriver,
  inputs: readonly Tensor[],
  outputs: readonly (Tensor | undefined)[],
  { lane = 0, lend = false, inputNames = driver.inputs.map(({ name }) => name) } = {},
): Started {
  let run: DriverRun | undefined
  const answer = new Promise<RunAnswer>((done, fail) => {
    const giveBack = () => fail(new Error('given back'))
    run = { job: ++jobs, lane, lend, inputs, inputNames, outputs, done, fail, giveBack, lose: fail }
  })
  driver.doRun(run as unknown as DriverRun)
  return { run: run as unknown as DriverRun, answer }
}

export function run(...args: Parameters<typeof start>): Promise<RunAnswer> {
  return start(...args).answer
}

type WaitAsync = (array: Int32Array, index: number, value: number) => { value: Promise<string> | string }

/** Resolves when `word` of the log has reached `value`. */
export async function reached(log: Int32Array, word: number, value: number): Promise<void> {
  for (let is = Atomics.load(log, word); is < value; is = Atomics.load(log, word)) {
    await (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync(log, word, is).value
  }
}

export function openGate(log: Int32Array): void {
  Atomics.store(log, Word.gate, 1)
  Atomics.notify(log, Word.gate)
}

/** What a leak would add to: threads of the process without the idle ones, and handles of the event loop. */
export async function footprint() {
  await endIdleWorkers(runnerModule)
  const ports = process.getActiveResourcesInfo().filter((name) => name === 'MessagePort' || name === 'Worker')
  return { threads: readdirSync('/proc/self/task').length, ports: ports.length }
}
