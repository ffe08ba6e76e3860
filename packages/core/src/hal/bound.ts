import { BOUND_OPTIONS } from '../common-options.js'
import type { Device } from '../device.js'
import { HalError } from '../errors.js'
import type { OptionValue } from '../option.js'

/** The ids of the cores that `boundOption` allows on a device. @throws HalError HAL_INVALID_ARGUMENT for one it lacks. */
export function boundCores(bound: OptionValue | undefined, device: Device): readonly string[] {
  const ids = device.cores.map(({ id }) => id)
  const word = typeof bound === 'string' ? (BOUND_OPTIONS[bound] ?? 'all') : undefined
  if (word === 'all') return ids
  const wanted = word?.map((index) => ids[index] ?? `NPU_${index}`) ?? [
    ...new Set(bound as readonly string[]),
  ]
  const missing = wanted.find((id) => !ids.includes(id))
  if (missing === undefined) return wanted
  throw new HalError(
    'HAL_INVALID_ARGUMENT',
    `option 'boundOption' asks for core ${missing}, but ${device.id} has ${ids.join(', ')}`,
    { device: device.id },
  )
}
