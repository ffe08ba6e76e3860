import { npu } from '@xpu-hal/backend-npu'
import { conformance } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'
import { ort_library, reference } from './reference.js'

for (const [form, file] of [
  ['current', 'libRuntimeLibrary.so'],
  ['older', 'libRuntimeLibrarySync.so'],
] as const) {
  const library = reference(file)
  if (library !== undefined) {
    conformance(
      { describe, it },
      {
        name: `the reference runtime, ${form} form`,
        backend: () => npu({ library, args: { ort_library } }),
        unsupported: [{ case: 'memory/no-copy', reason: 'outputs lie in memory of the runtime' }],
      },
    )
  } else {
    it.skip(`conformance of the ${form} form: ${file} is not built`, () => {})
  }
}
