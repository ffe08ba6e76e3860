import { mock } from '@xpu-hal/backend-mock'
import { conformance, standInBytes } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'

conformance(
  { describe, it },
  {
    name: 'the mock',
    backend: () => mock(),
    expectedFailures: [
      { case: 'devices/unknown', reason: 'openEngine does not repeat the device id that it did not find' },
    ],

    models: {
      mid: { source: standInBytes('mid'), options: { computeMs: 1 } },
      slow: { source: standInBytes('slow'), options: { computeMs: 20 } },
    },
  },
)
