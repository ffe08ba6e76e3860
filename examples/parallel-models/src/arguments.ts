import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { RuntimeFlags } from './backends.js'
import { readInitArg } from './runtime.js'

export const HELP = `Runs two models at the same time on one picture and draws what they find.

  --image <file>     picture to look at        (a drawn scene)
  --model1 <file>    ONNX model of a locator   (finds the faces of such scenes)
  --model2 <file>    ONNX model of a detector  (finds their discs, squares, triangles and crosses)
  --backend <name>   ort, npu or mock; npu,ort gives each model its own  (ort)
  --lib <file>       the vendor's libRuntimeLibrary.so for npu  (the reference runtime of this project);
                     without npu: another library of ONNX Runtime for ort
  --lib-arg <k>=<v>  argument for the initialization of npu's runtime, k:int=<n> for a number; as often as needed
  --out <file>       where the picture with the boxes goes  (out/parallel-models.jpg)
  --help             this text

In brackets: what is taken when the flag is missing.`

export interface Arguments extends RuntimeFlags {
  readonly help: boolean
  readonly image: string | undefined
  readonly models: readonly [string | undefined, string | undefined]
  /** Name of the backend for each model. */
  readonly backends: readonly [string, string]
  readonly out: string
}

/** @throws Error saying which argument is wrong. */
export function readArguments(args: readonly string[]): Arguments {
  // Package managers differ in whether they want `--` before the flags of a script, and in whether they pass it on.
  const values = parse(args[0] === '--' ? args.slice(1) : args)
  const [first = '', second = first, ...more] = values.backend.split(',')
  if (first === '' || second === '' || more.length > 0) {
    throw new Error(`--backend takes a name or two with a comma, not '${values.backend}'`)
  }
  return {
    help: values.help,
    image: values.image,
    models: [values.model1, values.model2],
    backends: [first, second],
    // Without a folder in its path the dynamic linker would look for it in the system's folders alone.
    library: values.lib === undefined ? undefined : resolve(values.lib),
    libraryArgs: Object.assign({}, ...values['lib-arg'].map(readInitArg)),
    out: values.out,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        image: { type: 'string' },
        model1: { type: 'string' },
        model2: { type: 'string' },
        backend: { type: 'string', default: 'ort' },
        lib: { type: 'string' },
        'lib-arg': { type: 'string', multiple: true, default: [] },
        out: { type: 'string', default: 'out/parallel-models.jpg' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (cause) {
    // Only its first sentence is about the arguments.
    const [what] = (cause as Error).message.split('. ')
    throw new Error(`${what}; --help lists the flags`, { cause })
  }
}
