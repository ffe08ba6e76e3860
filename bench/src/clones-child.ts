import { ort } from '@xpu-hal/backend-ort'
import { createHal, type Engine, type EngineOptions, tensor } from '@xpu-hal/core'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { ClonesSample, ClonesSide } from './clones.js'
import { anonymousKb, children, mappedKb } from './footprint.js'

/** How the engines of a side come about. */
const sides: Readonly<Record<Exclude<ClonesSide, 'sessions'>, { clones: boolean; options: EngineOptions }>> =
  {
    inline: { clones: true, options: { isolation: 'inline' } },
    'inline, opened': { clones: false, options: { isolation: 'inline' } },
    threads: { clones: true, options: { isolation: 'thread' } },
    'threads, opened': { clones: false, options: { isolation: 'thread' } },
    processes: { clones: true, options: { isolation: 'process', mapWeights: true } },
    'processes, unmapped': { clones: true, options: { isolation: 'process' } },
  }

/** `SIDE COUNT MODEL`: opens COUNT engines or sessions, predicts once on each, and prints a {@link ClonesSample}. */
const [side, count, model] = process.argv.slice(2) as [ClonesSide, string, string]
const sample = side === 'sessions' ? await sessions(Number(count)) : await engines(side, Number(count))
console.log(JSON.stringify(sample))

async function engines(side: Exclude<ClonesSide, 'sessions'>, count: number): Promise<ClonesSample> {
  const { clones, options } = sides[side]
  const hal = createHal({ backends: [ort()] })
  const open = () => hal.openEngine(model, { ...options, workers: 1, threadsPerWorker: 1 })
  const first = await open()
  const all: Engine[] = [first]
  while (all.length < count) all.push(await (clones ? first.clone() : open()))
  const openedKb = privateKb()
  const zeros = ({ inputs }: Engine) =>
    Object.fromEntries(inputs.map(({ name, dataType, shape }) => [name, tensor(dataType, shape)]))
  await Promise.all(all.map((engine) => engine.run(zeros(engine))))
  const ranKb = privateKb()
  const shares = all.every((engine) => engine === first || engine.sharesWeights)
  await hal.close()
  return { openedKb, ranKb, shares }
}

async function sessions(count: number): Promise<ClonesSample> {
  const all: InferenceSession[] = []
  while (all.length < count) {
    all.push(await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 }))
  }
  const openedKb = privateKb()
  for (const session of all)
    await session.run({ x: new OrtTensor('float32', new Float32Array(2048), [1, 2048]) })
  return { openedKb, ranKb: privateKb(), shares: false }
}

/**
 * What the system would have back if this process and its children ended: memory that is no file's, and weights that they
 * map, which count once. Neither Node's own file nor libraries, which other programs use too.
 */
function privateKb(): number {
  return [process.pid, ...children()].reduce(
    (sum, pid) => sum + anonymousKb(pid) + mappedKb(pid, 'weights.bin'),
    0,
  )
}
