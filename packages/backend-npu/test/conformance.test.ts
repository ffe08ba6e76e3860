import { npu } from '@xpu-hal/backend-npu'
import { conformance } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'
import { ort_library, reference } from './reference.js'

for (const form of ['current', 'older'] as const) {
  const library = reference(form)
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
    it.skip(`conformance of the ${form} form: the reference runtime is not built`, () => {})
  }
}
