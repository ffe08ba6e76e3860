import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npu } from '@xpu-hal/backend-npu'
import { conformance } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'

const onnxruntime = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
const ort_library = join(onnxruntime, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime.so.1')

for (const [form, file] of [
  ['current', 'libRuntimeLibrary.so'],
  ['older', 'libRuntimeLibrarySync.so'],
] as const) {
  const library = fileURLToPath(new URL(`../build/Release/${file}`, import.meta.url))
  if (existsSync(library)) {
    conformance(
      { describe, it },
      {
        name: `the reference runtime, ${form} form`,
        backend: () => npu({ library, args: { ort_library } }),
        unsupported: [{ case: 'memory/no-copy', reason: 'outputs lie in memory of the runtime' }],
      },
    )
  } else {
    const reason = `${file} is not built; node native/build.mjs builds it where there is a compiler`
    console.log(`skipped: ${reason}`)
    it.skip(`conformance of the ${form} form (${reason})`, () => {})
  }
}
