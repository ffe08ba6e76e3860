import { conformance, standInBytes } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'
import { mock } from '../src/index.js'

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
