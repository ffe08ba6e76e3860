import { readFile } from 'node:fs/promises'
import { ort } from '@xpu-hal/backend-ort'
import { createHal, type Engine, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { convolutions } from './models.js'
import { type Measured, round } from './report.js'
import { loopDelay, measure, median, type Round } from './samples.js'

const OURS = 'xpu-hal'
const THEIRS = 'onnxruntime-node'
const ROUNDS = 7
const RUNS = 150

/** The same model on onnxruntime-node and on this HAL, in turn, one thread a worker. */
export async function benchOrt(modelPath: string | undefined): Promise<Measured> {
  const model = modelPath === undefined ? convolutions() : await readFile(modelPath)
  await using hal = createHal({ backends: [ort()] })
  const engine = await hal.openEngine(model, { threadsPerWorker: 1 })
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  })
  const inputs = example(engine)
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, theirs(input)]))
  await checkEqual(await engine.run(inputs), await session.run(feeds))
  const sides = { [THEIRS]: () => session.run(feeds), [OURS]: () => engine.run(inputs) }

  const results: Result[] = []
  for (let i = -1; i < ROUNDS; i++) {
    for (const inFlight of [1, 4]) {
      for (const [side, run] of Object.entries(sides)) {
        const round = await measure(run, inFlight, RUNS)
        const delay = await loopDelay(run, inFlight, RUNS)
        // The first round warms up.
        if (i >= 0) results.push({ ...round, delay, side, inFlight })
      }
    }
  }
  await session.release()

  const of = (side: string, inFlight: number) => summary(side, inFlight, results)
  const [theirs1, ours1, theirs4, ours4] = [of(THEIRS, 1), of(OURS, 1), of(THEIRS, 4), of(OURS, 4)]
  return {
    rows: [theirs1, ours1, theirs4, ours4].map(row),
    ratios: {
      throughput4: ours4.perSecond / theirs4.perSecond,
      latency1: ours1.p50 / theirs1.p50,
      loopDelay4: ours4.delay / theirs4.delay,
    },
    figures: { modelMs: theirs1.p50, bytesCopied: engine.stats().bytesCopied },
  }
}

interface Result extends Round {
  readonly side: string
  readonly inFlight: number
  readonly delay: number
}

/** The median of each figure over the rounds. */
function summary(side: string, inFlight: number, results: readonly Result[]): Result {
  const mine = results.filter((result) => result.side === side && result.inFlight === inFlight)
  const middle = (name: 'perSecond' | 'p50' | 'p99' | 'delay') => median(mine.map((result) => result[name]))
  return {
    side,
    inFlight,
    perSecond: middle('perSecond'),
    p50: middle('p50'),
    p99: middle('p99'),
    delay: middle('delay'),
  }
}

function row({ side, inFlight, perSecond, p50, p99, delay }: Result) {
  return {
    side,
    'in flight': inFlight,
    'runs/s': round(perSecond),
    'p50 ms': round(p50),
    'p99 ms': round(p99),
    'loop delay p99 ms': round(delay),
  }
}

/** Inputs of the model's own shapes (1 where open), filled with small numbers. */
function example(engine: Engine): Record<string, Tensor> {
  return Object.fromEntries(
    engine.inputs.map(({ name, dataType, shape }) => {
      const input = tensor(
        dataType,
        shape.map((dimension) => (dimension === -1 ? 1 : dimension)),
      )
      if (dataType === 'float32') {
        const data = input.data as Float32Array
        for (let i = 0; i < data.length; i++) data[i] = (i % 97) / 97
      }
      return [name, input]
    }),
  )
}

/** On an ordinary ArrayBuffer: onnxruntime-node refuses shared ones on Node 20. */
function theirs({ dataType, shape, data }: Tensor): OrtTensor {
  return new OrtTensor(dataType as 'float32', (data as Float32Array).slice(), shape)
}

async function checkEqual(ours: Outputs, theirs: Readonly<Record<string, OrtTensor>>): Promise<void> {
  for (const [name, output] of Object.entries(ours)) {
    const expected = theirs[name]?.data as Float32Array | undefined
    const same = (output.data as Float32Array).every((value, i) => value === expected?.[i])
    if (!same) throw new Error(`output '${name}' differs between onnxruntime-node and this HAL`)
  }
}
