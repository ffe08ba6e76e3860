import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))

/** What the reference runtime computes with. */
export const ort_library = join(
  onnxruntime,
  'bin',
  'napi-v6',
  process.platform,
  process.arch,
  'libonnxruntime.so.1',
)

/** A library of this package's native part; `undefined`, with the reason printed, where it is not built. */
export function reference(file: string): string | undefined {
  const path = fileURLToPath(new URL(`../build/Release/${file}`, import.meta.url))
  if (existsSync(path)) return path
  console.log(`skipped: ${file} is not built; 'node native/build.mjs' builds it where there is a compiler`)
  return undefined
}
