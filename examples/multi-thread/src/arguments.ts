import { BACKENDS, type BackendName, oneOf, readFlags, whole } from '@xpu-hal/example-gauges'

export const HELP = `Several threads read gauges, each with its own preprocessor, runtime and postprocessor.

  --threads <n>     threads, each with a clone of the engine  (2)
  --pictures <n>    how many pictures are read; the images are taken in turn  (64)
  --image <file>    picture of a gauge; as often as needed  (8 drawn dials)
  --model <file>    ONNX model that reads them  (one that the example makes)
  --backend <name>  ort, mock or npu  (ort)
  --memory          prints the memory of 1, 2 and 3 models and threads instead, with clone and without; on ort
  --weights <mb>    megabytes of weights of the model that the example makes  (3; with --memory 98)
  --help            this text

In brackets: what is taken when the flag is missing.`

export interface Arguments {
  readonly help: boolean
  readonly threads: number
  readonly pictures: number
  readonly images: readonly string[]
  readonly model: string | undefined
  readonly backend: BackendName
  readonly memory: boolean
  readonly weights: number
}

/** @throws Error saying which flag is wrong */
export function readArguments(args: readonly string[]): Arguments {
  const { threads, pictures, image, backend, weights, ...rest } = readFlags(args, {
    threads: { type: 'string', default: '2' },
    pictures: { type: 'string', default: '64' },
    image: { type: 'string', multiple: true, default: [] },
    model: { type: 'string' },
    backend: { type: 'string', default: 'ort' },
    memory: { type: 'boolean', default: false },
    weights: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  })
  return {
    ...rest,
    model: rest.model,
    threads: whole('threads', threads, 64),
    pictures: whole('pictures', pictures, 100_000),
    images: image,
    backend: oneOf('backend', backend, BACKENDS),
    weights: whole('weights', weights ?? (rest.memory ? '98' : '3'), 1000),
  }
}
