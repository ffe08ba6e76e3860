import { readFile } from 'node:fs/promises'
import { mock } from '@xpu-hal/backend-mock'
import { ort } from '@xpu-hal/backend-ort'
import {
  type BackendSource,
  createHal,
  type Engine,
  type EngineOptions,
  type Outputs,
  type TensorInfo,
} from '@xpu-hal/core'
import { convolutions, identity } from './models.js'
import { type Measured, round } from './report.js'
import { measure, median } from './samples.js'

const ISOLATIONS = ['inline', 'thread', 'process'] as const
const ROUNDS = 9

interface Load {
  readonly name: string
  readonly backend: () => BackendSource
  readonly model: Uint8Array
  readonly options: EngineOptions
  readonly runs: number
}

interface Result {
  readonly isolation: string
  readonly p50: number
  readonly perSecond: number
}

/** What each isolation costs: latency of one run at a time, throughput of four, in turn, on the same model. */
export async function benchIsolation(modelPath: string | undefined): Promise<Measured> {
  const model = modelPath === undefined ? convolutions() : await readFile(modelPath)
  const onOrt = await compare({
    name: 'ort, 2 ms',
    backend: () => ort(),
    model,
    options: { workers: 1, threadsPerWorker: 1 },
    runs: 150,
  })
  const onMock = await compare({
    name: 'mock, 0 ms',
    backend: () => mock(),
    model: identity(),
    options: { boundOption: 'NPU_0' },
    runs: 1000,
  })
  return {
    rows: [...rows('ort, 2 ms', onOrt), ...rows('mock, 0 ms', onMock)],
    ratios: {
      processToThread: of(onOrt, 'process').p50 / of(onOrt, 'thread').p50,
      processToThreadThroughput: of(onOrt, 'process').perSecond / of(onOrt, 'thread').perSecond,
      threadToInline: of(onOrt, 'thread').p50 / of(onOrt, 'inline').p50,
    },
    figures: {
      mockInlineP50Us: of(onMock, 'inline').p50 * 1000,
      mockThreadP50Us: of(onMock, 'thread').p50 * 1000,
      mockProcessP50Us: of(onMock, 'process').p50 * 1000,
    },
  }
}

async function compare({ backend, model, options, runs }: Load): Promise<Result[]> {
  await using hal = createHal({ backends: [backend()] })
  const sides = await Promise.all(
    ISOLATIONS.map(async (isolation) => {
      const engine = await hal.openEngine(model, { ...options, isolation, fallback: 'allow' })
      const inputs = allocate(engine, engine.inputs)
      const free: Outputs[] = []
      const run = async () => {
        const outputs = free.pop() ?? allocate(engine, engine.outputs)
        free.push(await engine.run(inputs, { outputs }))
      }
      return { isolation, run, p50: [] as number[], perSecond: [] as number[] }
    }),
  )
  for (let i = -1; i < ROUNDS; i++) {
    for (const { run, p50, perSecond } of sides) {
      const latency = await measure(run, 1, runs)
      const throughput = await measure(run, 4, runs)
      // The first round warms up.
      if (i < 0) continue
      p50.push(latency.p50)
      perSecond.push(throughput.perSecond)
    }
  }
  return sides.map(({ isolation, p50, perSecond }) => ({
    isolation,
    p50: median(p50),
    perSecond: median(perSecond),
  }))
}

/** Tensors of the engine's own memory, of size 1 where the model leaves it open. */
function allocate(engine: Engine, infos: readonly TensorInfo[]): Outputs {
  const size = (dimension: number) => Math.max(dimension, 1)
  return Object.fromEntries(infos.map(({ name, shape }) => [name, engine.allocate(name, shape.map(size))]))
}

function of(results: readonly Result[], isolation: (typeof ISOLATIONS)[number]): Result {
  return results.find((result) => result.isolation === isolation) as Result
}

function rows(load: string, results: readonly Result[]): Measured['rows'] {
  return results.map(({ isolation, p50, perSecond }) => ({
    load,
    isolation,
    'p50 us': round(p50 * 1000),
    'runs/s, 4 in flight': round(perSecond),
  }))
}
