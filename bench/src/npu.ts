import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { npu } from '@xpu-hal/backend-npu'
import { createHal, type Engine, type Outputs, type Tensor } from '@xpu-hal/core'
import { convolutions, identity } from './models.js'
import { type HostFigures, native, ortLibrary, runNativeHost } from './native-host.js'
import { type Measured, round } from './report.js'
import { measure, median } from './samples.js'

interface Runtime {
  readonly name: string
  readonly library: string
  readonly args: Readonly<Record<string, string>>
  readonly modelPath: string
  readonly input: string
  readonly shape: readonly number[]
}

interface Load {
  /** Of the figures. */
  readonly name: string
  readonly inFlight: number
  readonly rounds: number
  readonly ours: Count
  readonly theirs: Count
}

/** Of one round. */
interface Count {
  readonly warmUp: number
  readonly runs: number
}

interface Comparison {
  readonly ours: HostFigures
  readonly theirs: HostFigures
  readonly load: Load
  readonly runtime: Runtime
}

const SOME: Count = { warmUp: 20, runs: 150 }
// A run takes the C host 0.1 s here, and it has nothing to warm up. Ours has to find out when to ask.
const SLEEPING: Load = {
  name: 'serialSleeping',
  inFlight: 1,
  rounds: 5,
  ours: { warmUp: 60, runs: 80 },
  theirs: { warmUp: 1, runs: 15 },
}
const SERIAL: Load = { name: 'serial', inFlight: 1, rounds: 9, ours: SOME, theirs: SOME }
const PIPELINED: Load = { name: 'pipelined', inFlight: 8, rounds: 9, ours: SOME, theirs: SOME }
const CALLBACK_RUNS = 100

/**
 * The npu backend against a plain C host, in turn, on the same runtimes with the same input. Both are as an application
 * in a hurry would have them: `run` copies the outputs into tensors that are used again and again, `receive_output` gives
 * outputs that it owns. Making the input struct and freeing the output is in the time of both.
 */
export async function benchNpu(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'xpu-hal-bench-'))
  try {
    const sleeping: Runtime = {
      name: 'sleeping',
      library: native('libFaultyRuntime.so'),
      args: { fault: 'sleep', service_ms: '2.5' },
      modelPath: await modelFile(folder, 'identity.onnx', identity()),
      input: 'x',
      shape: [1],
    }
    const reference: Runtime = {
      name: 'reference',
      library: native('libRuntimeLibrary.so'),
      args: { ort_library: ortLibrary, num_threads: '1' },
      modelPath: await modelFile(folder, 'convolutions.onnx', convolutions()),
      input: 'image',
      shape: [1, 3, 48, 48],
    }
    const serialSleeping = await compare(sleeping, SLEEPING)
    const serial = await compare(reference, SERIAL)
    const pipelined = await compare(reference, PIPELINED)
    const comparisons = [serialSleeping, serial, pipelined]
    return {
      rows: comparisons.flatMap(rows),
      ratios: {
        serialSleeping: serialSleeping.ours.p50Us / serialSleeping.theirs.p50Us,
        serial: serial.ours.p50Us / serial.theirs.p50Us,
        pipelined: pipelined.ours.runsPerSecond / pipelined.theirs.runsPerSecond,
      },
      figures: { ...Object.assign({}, ...comparisons.map(figures)), ...(await bytesCopied(reference)) },
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function modelFile(folder: string, name: string, model: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, model)
  return path
}

/** The medians over rounds that alternate between the two. */
async function compare(runtime: Runtime, load: Load): Promise<Comparison> {
  const { inFlight, rounds, ours, theirs } = load
  await using hal = createHal({ backends: [npu({ library: runtime.library, args: runtime.args })] })
  const engine = await hal.openEngine(runtime.modelPath)
  const inputs = example(engine)
  const free: Outputs[] = []
  const run = async () => {
    const outputs = free.pop() ?? allocateOutputs(engine)
    free.push(await engine.run(inputs, { outputs }))
  }
  const ourRounds: HostFigures[] = []
  const theirRounds: HostFigures[] = []
  for (let i = 0; i < rounds; i++) {
    theirRounds.push(await runNativeHost({ ...runtime, inFlight, warmUp: theirs.warmUp, count: theirs.runs }))
    await measure(run, inFlight, ours.warmUp)
    const { p50, perSecond } = await measure(run, inFlight, ours.runs)
    ourRounds.push({ p50Us: p50 * 1000, runsPerSecond: perSecond })
  }
  return { ours: middle(ourRounds), theirs: middle(theirRounds), load, runtime }
}

function middle(results: readonly HostFigures[]): HostFigures {
  return {
    p50Us: median(results.map(({ p50Us }) => p50Us)),
    runsPerSecond: median(results.map(({ runsPerSecond }) => runsPerSecond)),
  }
}

function rows({ ours, theirs, load, runtime }: Comparison): Measured['rows'] {
  const row = (side: string, { p50Us, runsPerSecond }: HostFigures) => ({
    runtime: runtime.name,
    'in flight': load.inFlight,
    side,
    'p50 us': round(p50Us),
    'runs/s': round(runsPerSecond),
  })
  return [row('C host', theirs), row('xpu-hal', ours)]
}

function figures({ ours, theirs, load: { name } }: Comparison): Record<string, number> {
  return {
    [`${name}HostP50Us`]: theirs.p50Us,
    [`${name}P50Us`]: ours.p50Us,
    [`${name}HostRunsPerSecond`]: theirs.runsPerSecond,
    [`${name}RunsPerSecond`]: ours.runsPerSecond,
  }
}

/** Bytes of an inference that are copied where a callback takes the outputs, without and with the extension. */
async function bytesCopied(runtime: Runtime): Promise<Record<string, number>> {
  const [plain, extended] = [await callbackRuns(runtime, false), await callbackRuns(runtime, true)]
  return {
    inputBytes: plain.inputBytes,
    bytesCopiedPlain: plain.bytesCopied,
    bytesCopiedExtension: extended.bytesCopied,
  }
}

async function callbackRuns({ library, args, modelPath }: Runtime, extension: boolean) {
  await using hal = createHal({ backends: [npu({ library, args, extension })] })
  const engine = await hal.openEngine(modelPath)
  const inputs = example(engine)
  engine.registerCallback(() => {})
  for (let i = 0; i < CALLBACK_RUNS; i++) await engine.runAsync(inputs)
  await engine.close()
  const { succeeded, bytesCopied } = engine.stats()
  if (succeeded !== CALLBACK_RUNS) throw new Error(`${CALLBACK_RUNS - succeeded} runs failed`)
  return { inputBytes: engine.inputSize ?? Number.NaN, bytesCopied: bytesCopied / CALLBACK_RUNS }
}

function allocateOutputs(engine: Engine): Outputs {
  return Object.fromEntries(engine.outputs.map(({ name }) => [name, engine.allocate(name)]))
}

/** What the C host fills its input with. */
function example(engine: Engine): Tensor[] {
  return engine.inputs.map(({ name }) => {
    const input = engine.allocate(name)
    const data = input.data as Float32Array
    for (let i = 0; i < data.length; i++) data[i] = (i % 97) / 97
    return input
  })
}
