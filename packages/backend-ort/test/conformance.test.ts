import { ort } from '@xpu-hal/backend-ort'
import { conformance } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'

for (const isolation of ['thread', 'process', 'inline'] as const) {
  conformance(
    { describe, it },
    {
      name: `ONNX Runtime, isolation '${isolation}'`,
      backend: () => ort(),
      options: { isolation },
    },
  )
}
