import { describe, it } from 'vitest'
import { conformance } from '../src/index.js'
import { echo } from './fixtures/echo-backend.js'

conformance(
  { describe, it },
  {
    name: 'the echo of the own tests',
    backend: () => echo(),
  },
)
