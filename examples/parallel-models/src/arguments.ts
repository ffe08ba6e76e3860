import { parseArgs } from 'node:util'

export const HELP = `Runs two models at the same time on one picture and draws what they find.

  --image <file>     picture to look at        (a drawn scene)
  --model1 <file>    ONNX model of a locator   (finds the faces of such scenes)
  --model2 <file>    ONNX model of a detector  (finds their discs, squares, triangles and crosses)
  --backend <name>   ort, npu or mock; npu,ort gives each model its own  (ort)
  --lib <file>       library of the vendor's runtime, for the backend that takes one
  --out <file>       where the picture with the boxes goes  (out/parallel-models.jpg)
  --help             this text

In brackets: what is taken when the flag is missing.`

export interface Arguments {
  readonly help: boolean
  readonly image: string | undefined
  readonly models: readonly [string | undefined, string | undefined]
  /** Name of the backend for each model. */
  readonly backends: readonly [string, string]
  readonly library: string | undefined
  readonly out: string
}

/** @throws Error saying which argument is wrong. */
export function readArguments(args: string[]): Arguments {
  const { values } = parseArgs({
    args,
    options: {
      image: { type: 'string' },
      model1: { type: 'string' },
      model2: { type: 'string' },
      backend: { type: 'string', default: 'ort' },
      lib: { type: 'string' },
      out: { type: 'string', default: 'out/parallel-models.jpg' },
      help: { type: 'boolean', default: false },
    },
  })
  const [first = '', second = first, ...more] = values.backend.split(',')
  if (first === '' || second === '' || more.length > 0) {
    throw new Error(`--backend takes a name or two with a comma, not '${values.backend}'`)
  }
  return {
    help: values.help,
    image: values.image,
    models: [values.model1, values.model2],
    backends: [first, second],
    library: values.lib,
    out: values.out,
  }
}
