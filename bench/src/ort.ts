import { readFile } from 'node:fs/promises'
import { ort } from '@xpu-hal/backend-ort'
import { createHal, type Engine, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { convolutions } from './models.js'
import type { Measured } from './report.js'
import { round } from './report.js'
import { measure, medianRound, type Round } from './samples.js'

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
  const sides = { theirs: () => session.run(feeds), ours: () => engine.run(inputs) }
  await checkEqual(await sides.ours(), await sides.theirs())

  const results: (Round & { readonly side: string; readonly inFlight: number })[] = []
  for (let i = -1; i < ROUNDS; i++) {
    for (const inFlight of [1, 4]) {
      for (const [side, run] of Object.entries(sides)) {
        const measured = await measure(run, inFlight, RUNS)
        // The first round warms up.
        if (i >= 0) results.push({ ...measured, side, inFlight })
      }
    }
  }
  await session.release()
  const of = (side: string, inFlight: number) =>
    medianRound(results.filter((result) => result.side === side && result.inFlight === inFlight))
  const [theirs1, ours1, theirs4, ours4] = [of('theirs', 1), of('ours', 1), of('theirs', 4), of('ours', 4)]
  const rows = [row(THEIRS, 1, theirs1), row(OURS, 1, ours1), row(THEIRS, 4, theirs4), row(OURS, 4, ours4)]
  return {
    rows,
    ratios: {
      throughput4: ours4.perSecond / theirs4.perSecond,
      latency1: ours1.p50 / theirs1.p50,
      loopDelay4: ours4.loopDelayP99 / theirs4.loopDelayP99,
    },
    figures: { modelMs: theirs1.p50, bytesCopied: engine.stats().bytesCopied },
  }
}

function row(side: string, inFlight: number, { perSecond, p50, p99, loopDelayP99 }: Round) {
  return {
    side,
    'in flight': inFlight,
    'runs/s': round(perSecond),
    'p50 ms': round(p50),
    'p99 ms': round(p99),
    'loop delay p99 ms': round(loopDelayP99),
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
