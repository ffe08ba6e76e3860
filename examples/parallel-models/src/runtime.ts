import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Values for an OAAX runtime's initialization: a string goes over as `char *`, `{ int }` as `int *`. */
export type InitArgs = Readonly<Record<string, string | { readonly int: number }>>

/**
 * The OAAX runtime to take where none is named: the one of @xpu-hal/backend-npu, which computes with the ONNX Runtime
 * that onnxruntime-node brings.
 * @throws Error with the ways out, where it is not built
 */
export function referenceRuntime(referenceLibrary: () => string): { library: string; args: InitArgs } {
  try {
    const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
    const folder = join(onnxruntime, 'bin', 'napi-v6', process.platform, process.arch)
    return { library: referenceLibrary(), args: { ort_library: join(folder, 'libonnxruntime.so.1') } }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`Name an OAAX runtime with --lib: the one that comes with npu is missing. ${reason}`, {
      cause,
    })
  }
}

/** Reads `key=value`, or `key:int=7` for a number. @throws Error naming the text that is neither */
export function readInitArg(text: string): InitArgs {
  const [, key, type, value] = /^([^=:]+)(:int)?=(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined || (type !== undefined && !/^-?\d+$/.test(value))) {
    throw new Error(`--lib-arg takes key=value, or key:int=7 for a number, not '${text}'`)
  }
  return { [key]: type === undefined ? value : { int: Number(value) } }
}
