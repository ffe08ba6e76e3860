import { mock } from '@xpu-hal/backend-mock'
import { conformance, standInBytes } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'

conformance(
  { describe, it },
  {
    name: 'the mock',
    backend: () => mock(),
    models: {
      mid: { source: standInBytes('mid'), options: { computeMs: 1 } },
      slow: { source: standInBytes('slow'), options: { computeMs: 20 } },
    },
  },
)
