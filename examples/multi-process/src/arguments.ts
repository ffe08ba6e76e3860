import { BACKENDS, type BackendName, oneOf, readFlags, whole } from '@xpu-hal/example-gauges'

export const HELP = `Several processes read gauges.

  --processes <n>   processes  (2)
  --pictures <n>    how many pictures are read; the images are taken in turn  (64)
  --image <file>    picture of a gauge; as often as needed  (8 drawn dials)
  --model <file>    ONNX model that reads them  (one that the example makes)
  --backend <name>  ort, mock or npu  (ort)
  --kill            kills a process when half of the pictures are read
  --map-weights     the worker processes share the weights; on ort
  --pool            processes that do everything themselves, as in the original, in place of worker processes
  --memory          prints the memory of 1, 2 and 3 processes instead, with shared weights and without; on ort
  --weights <mb>    megabytes of weights of the model that the example makes  (13; with --memory 98)
  --help            this text

In brackets: what is taken when the flag is missing.`

export interface Arguments {
  readonly help: boolean
  readonly processes: number
  readonly pictures: number
  readonly images: readonly string[]
  readonly model: string | undefined
  readonly backend: BackendName
  readonly kill: boolean
  readonly mapWeights: boolean
  readonly pool: boolean
  readonly memory: boolean
  readonly weights: number
}

/** @throws Error saying which flag is wrong */
export function readArguments(args: readonly string[]): Arguments {
  const flags = readFlags(args, {
    processes: { type: 'string', default: '2' },
    pictures: { type: 'string', default: '64' },
    image: { type: 'string', multiple: true, default: [] },
    model: { type: 'string' },
    backend: { type: 'string', default: 'ort' },
    kill: { type: 'boolean', default: false },
    'map-weights': { type: 'boolean', default: false },
    pool: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    weights: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  })
  const { help, kill, pool, memory, model } = flags
  const backend = oneOf('backend', flags.backend, BACKENDS)
  const mapWeights = flags['map-weights']
  if (mapWeights && (pool || backend !== 'ort')) {
    throw new Error('--map-weights is for worker processes on ort: leave it out, or --pool and --backend')
  }
  return {
    ...{ help, kill, pool, memory, model, backend, mapWeights },
    processes: whole('processes', flags.processes, 64),
    pictures: whole('pictures', flags.pictures, 100_000),
    images: flags.image,
    weights: whole('weights', flags.weights ?? (memory ? '98' : '13'), 1000),
  }
}
