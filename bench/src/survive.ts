import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { npu } from '@xpu-hal/backend-npu'
import { createHal, type Engine, HalError, type NumericData, type Tensor } from '@xpu-hal/core'
import { anonymousKb, children, collectGarbage } from './footprint.js'
import { convolutions } from './models.js'
import { native, ortLibrary } from './native-host.js'
import { type Measured, round } from './report.js'
import { median, percentile } from './samples.js'

/** How many of each are injected: a signal that ends the process, and one that stops it for good. */
export interface Injections {
  readonly SIGABRT: number
  readonly SIGSEGV: number
  readonly SIGSTOP: number
}

const ALL: Injections = { SIGABRT: 200, SIGSEGV: 200, SIGSTOP: 50 }
const SUBMITTERS = 4
/** Good answers between two injections, so that each strikes under load. */
const CALM = 8
const INPUTS = 16

/**
 * The reference runtime in a worker process, under load from 4 submitters, while the process is ended and stopped again and
 * again. Every answer is compared with what the model gave before.
 */
export async function benchSurvive(_model?: string, injections = ALL): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'xpu-hal-survive-'))
  process.env.TMPDIR = folder
  try {
    const modelPath = join(folder, 'convolutions.onnx')
    await writeFile(modelPath, convolutions())
    // What a process opens once and keeps is no leftover.
    await survive(modelPath, { SIGABRT: 1, SIGSEGV: 0, SIGSTOP: 0 })
    const before = leftovers(folder)
    const load = await survive(modelPath, injections)
    const after = leftovers(folder)
    const figures = {
      injected: load.recoverMs.length,
      accepted: load.accepted,
      settled: load.settled,
      wrong: load.wrong,
      failed: load.lost,
      recoverP50Ms: median(load.recoverMs),
      leftoverProcesses: after.children - before.children,
      leftoverFiles: after.files - before.files,
      leftoverDescriptors: after.descriptors - before.descriptors,
      anonymousGrowthKb: load.memoryGrowthKb,
    }
    return { rows: load.rows, ratios: {}, figures }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function survive(modelPath: string, injections: Injections) {
  const backend = npu({
    library: native('libRuntimeLibrary.so'),
    args: { ort_library: ortLibrary, num_threads: '1' },
    answerTimeout: 100,
  })
  await using hal = createHal({ backends: [backend] })
  const engine = await hal.openEngine(modelPath, { isolation: 'process' })
  const samples = await prepare(engine)
  const tally = { settled: 0, wrong: 0, lost: 0, good: 0 }
  let running = true
  const submitter = async (first: number) => {
    for (let i = first; running; i++) {
      const { input, expected } = samples[i % INPUTS] as Sample
      try {
        const [output] = Object.values(await engine.run([input]))
        if (same(output as Tensor, expected)) tally.good++
        else tally.wrong++
      } catch (error) {
        if (!HalError.isInstance(error) || error.code !== 'HAL_DEVICE_LOST') throw error
        tally.lost++
      }
      tally.settled++
    }
  }
  const submitters = Array.from({ length: SUBMITTERS }, (_, i) => submitter(i * 5))
  const goodAnswers = async (count: number) => {
    const until = tally.good + count
    while (tally.good < until) await delay(1)
  }

  let onLost = () => {}
  engine.on('lost', () => onLost())
  const recoverMs = new Map<string, number[]>()
  let memory = 0
  const signals = shuffled(injections)
  for (const [i, signal] of signals.entries()) {
    await goodAnswers(CALM)
    // By then everything is compiled and has grown to its size.
    if (i === Math.floor(signals.length / 5)) memory = ownMemoryKb()
    const lost = new Promise<void>((resolve) => {
      onLost = resolve
    })
    const start = performance.now()
    process.kill(children()[0] as number, signal)
    await lost
    await goodAnswers(1)
    recoverMs.set(signal, [...(recoverMs.get(signal) ?? []), performance.now() - start])
  }
  await goodAnswers(CALM)
  const memoryGrowthKb = ownMemoryKb() - memory
  running = false
  await Promise.all(submitters)
  const { accepted } = engine.stats()
  await engine.close()
  const rows = [...recoverMs].map(([signal, times]) => ({
    signal,
    injected: times.length,
    'to the next answer, p50 ms': round(median(times)),
    'p99 ms': round(percentile(times, 0.99)),
  }))
  return {
    ...tally,
    // Those that the expected answers were made with were accepted too.
    accepted: accepted - INPUTS,
    recoverMs: [...recoverMs.values()].flat(),
    memoryGrowthKb,
    rows,
  }
}

interface Sample {
  readonly input: Tensor
  readonly expected: Uint8Array
}

/** Inputs in memory that the worker reaches, and what the model makes of them. */
async function prepare(engine: Engine): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let i = 0; i < INPUTS; i++) {
    const input = engine.allocate(engine.inputs[0]?.name as string)
    const data = input.data as Float32Array
    for (let k = 0; k < data.length; k++) data[k] = ((k + i * 31) % 97) / 97
    const [output] = Object.values(await engine.run([input]))
    samples.push({ input, expected: Uint8Array.from(bytes(output as Tensor)) })
  }
  return samples
}

function bytes({ data }: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = data as NumericData
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function same(output: Tensor, expected: Uint8Array): boolean {
  return Buffer.compare(bytes(output), expected) === 0
}

/** In an order that is the same each time. */
function shuffled(injections: Injections): NodeJS.Signals[] {
  const signals = Object.entries(injections).flatMap(([signal, count]) => Array(count).fill(signal))
  return signals
    .map((signal, i) => ({ signal, at: (i * 2_654_435_761) % 2 ** 32 }))
    .sort((a, b) => a.at - b.at)
    .map(({ signal }) => signal)
}

function ownMemoryKb(): number {
  collectGarbage()
  return anonymousKb(process.pid)
}

function leftovers(folder: string) {
  return {
    children: children().length,
    files: readdirSync(folder).length,
    descriptors: readdirSync('/proc/self/fd').length,
  }
}
