import { npu } from '@xpu-hal/backend-npu'
import { conformance } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'
import { ort_library, reference } from './reference.js'

for (const [name, form, extension] of [
  ['current form', 'current', true],
  ['current form without the extension', 'current', false],
  ['older form', 'older', true],
] as const) {
  const library = reference(form)
  if (library !== undefined) {
    conformance(
      { describe, it },
      {
        name: `the reference runtime, ${name}`,
        backend: () => npu({ library, args: { ort_library }, extension }),
        unsupported: [{ case: 'memory/no-copy', reason: 'outputs lie in memory of the runtime' }],
      },
    )
  } else {
    it.skip(`conformance of the ${name}: the reference runtime is not built`, () => {})
  }
}
