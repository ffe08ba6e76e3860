import { mock } from '@xpu-hal/backend-mock'
import { conformance, standInBytes } from '@xpu-hal/conformance'
import { describe, it } from 'vitest'

for (const isolation of ['thread', 'process', 'inline'] as const) {
  conformance(
    { describe, it },
    {
      name: `the mock, isolation '${isolation}'`,
      backend: () => mock({ devices: 2 }),
      options: { isolation },
      models: {
        mid: { source: standInBytes('mid'), options: { computeMs: 1 } },
        slow: { source: standInBytes('slow'), options: { computeMs: 20 } },
      },
    },
  )
}
