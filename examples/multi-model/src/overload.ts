import { mock } from '@xpu-hal/backend-mock'
import { createHal } from '@xpu-hal/core'
import { drawDigit } from './digits.js'
import { normaliser } from './models.js'
import { endings } from './requests.js'
import { pictures } from './workflow.js'

export interface Overload {
  readonly what: string
  readonly endings: readonly string[]
}

/** What an application hears of a device that is full, late, or gone: one of each, on a simulated one. */
export async function overload(): Promise<Overload[]> {
  const backend = mock({ cores: 1, computeMs: 20 })
  const [device] = backend.devices
  await using hal = createHal({ backends: [backend] })
  await using engine = await hal.openEngine(
    { name: 'normaliser', bytes: normaliser() },
    { maxLoad: 2, maxWaiting: 2 },
  )
  const inputs = { pixels: pictures([drawDigit(0, 0)]) }
  const send = (count: number, timeout = 0) =>
    Array.from({ length: count }, () => engine.run(inputs, { timeout }))

  const full = await endings(send(6))
  const late = await endings([...send(1), ...send(2, 5)])
  const underWay = send(2)
  device?.lose('unplugged')
  const gone = await endings([...underWay, ...send(1)])
  device?.recover()
  const back = await endings(send(1))
  return [
    { what: '6 at once, where 2 are accepted and 2 may wait', endings: full },
    { what: '1, and 2 that have 5 ms for what takes 20', endings: late },
    { what: '2 under way when the device is unplugged, 1 after', endings: gone },
    { what: '1 after it is plugged in again', endings: back },
  ]
}
