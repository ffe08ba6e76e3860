import { npu } from '@xpu-hal/backend-npu'
import { conformance } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'
import { ort_library, reference } from './reference.js'

for (const [name, form, extension, isolation] of [
  ['current form', 'current', true, 'thread'],
  ['current form without the extension', 'current', false, 'thread'],
  ['older form', 'older', true, 'thread'],
  ['current form in a process of its own', 'current', true, 'process'],
  ['older form in a process of its own', 'older', true, 'process'],
] as const) {
  const library = reference(form)
  if (library !== undefined) {
    conformance(
      { describe, it },
      {
        name: `the reference runtime, ${name}`,
        backend: () => npu({ library, args: { ort_library }, extension }),
        options: { isolation },
      },
    )
  } else {
    it.skip(`conformance of the ${name}: the reference runtime is not built`, () => {})
  }
}
