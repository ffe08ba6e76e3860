import { describe, expect, test } from 'vitest'
import { cases, runCase } from '../src/index.js'
import { brokenClones } from './fixtures/broken-clones.js'
import { brokenDevices } from './fixtures/broken-devices.js'
import { brokenEngines } from './fixtures/broken-engines.js'
import { brokenHandles } from './fixtures/broken-handles.js'
import { brokenSharing } from './fixtures/broken-sharing.js'
import { echo } from './fixtures/echo-backend.js'
import type { Sabotage } from './fixtures/sabotage.js'

/** How long a case may hang that is to be caught hanging. */
const PATIENCE = 1000

async function resultOf({ caughtBy, backend = () => echo(), hal, engine, patience = PATIENCE }: Sabotage) {
  const found = cases.find(({ id }) => id === caughtBy)
  if (found === undefined) throw new TypeError(`no case ${caughtBy}`)
  return runCase(
    found,
    { name: 'sabotaged', backend },
    { patience, ...(hal && { wrapHal: hal }), ...(engine && { wrapEngine: engine }) },
  )
}

describe.each([
  ['a device that', brokenDevices],
  ['an engine that', brokenEngines],
  ['an engine shared with other threads that', brokenHandles],
  ['a HAL that', brokenSharing],
  ['a clone, or what it comes from, that', brokenClones],
])('%s', (_, sabotages) => {
  test.each(sabotages.map((sabotage) => [sabotage.fault, sabotage.caughtBy, sabotage] as const))(
    '%s is caught by %s',
    async (_fault, _case, sabotage) => {
      const result = await resultOf(sabotage).finally(() => sabotage.repair?.())
      expect(result).toMatchObject({ status: 'failed' })
      // Anything else than a finding would mean that the sabotage itself is broken.
      if (result.status === 'failed') expect(result.error).not.toBeInstanceOf(TypeError)
    },
  )
})
