import { ort } from '@xpu-hal/backend-ort'
import { conformance } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'

conformance(
  { describe, it },
  {
    name: 'ONNX Runtime',
    backend: () => ort(),
  },
)

conformance(
  { describe, it },
  {
    name: 'ONNX Runtime in processes of its own',
    backend: () => ort(),
    options: { isolation: 'process' },
  },
)
