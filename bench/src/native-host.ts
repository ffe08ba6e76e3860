import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))

/** What the reference runtime computes with: the library of onnxruntime-node. */
export const ortLibrary = join(
  onnxruntime,
  'bin',
  'napi-v6',
  process.platform,
  process.arch,
  'libonnxruntime.so.1',
)

/** Path of a native file of backend-npu. @throws Error where it is not built */
export function native(file: string): string {
  const path = fileURLToPath(new URL(`../../packages/backend-npu/build/Release/${file}`, import.meta.url))
  if (existsSync(path)) return path
  throw new Error(
    `bench npu needs ${file}, which is not built; 'pnpm build' does it where there is a C++ compiler`,
  )
}

export interface HostRun {
  readonly library: string
  /** Given as `char *`. */
  readonly args: Readonly<Record<string, string>>
  readonly modelPath: string
  /** The one float32 input of the model. */
  readonly input: string
  readonly shape: readonly number[]
  readonly inFlight: number
  readonly warmUp: number
  readonly count: number
}

export interface HostFigures {
  readonly p50Us: number
  readonly runsPerSecond: number
}

/** One process of the plain C host, from its start to its end. Its warm-up is not in the figures. */
export async function runNativeHost(run: HostRun): Promise<HostFigures> {
  const { library, args, modelPath, input, shape, inFlight, warmUp, count } = run
  const given = Object.entries(args).flatMap(([key, value]) => ['--arg', `${key}=${value}`])
  const options = [...given, '--input', input, '--shape', shape.join(), '--warm-up', String(warmUp)]
  const { stdout } = await promisify(execFile)(native('host'), [
    ...options,
    library,
    modelPath,
    String(count),
    String(inFlight),
  ])
  return JSON.parse(stdout) as HostFigures
}
