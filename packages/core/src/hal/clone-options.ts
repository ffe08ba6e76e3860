import { type CloneOptions, COMMON_OPTIONS } from '../common-options.js'
import { HalError } from '../errors.js'
import type { OptionValues } from '../option.js'
import { resolveOptions } from '../option-check.js'
import { suggest } from '../suggest.js'

/** Typed, so that none of `CloneOptions` is forgotten. */
const CHANGEABLE: Readonly<Record<keyof CloneOptions, true>> = {
  boundOption: true,
  bufferCount: true,
  maxLoad: true,
  maxWaiting: true,
  workers: true,
  priority: true,
  weight: true,
  timeout: true,
  ordered: true,
  batching: true,
}

const changeable = COMMON_OPTIONS.filter(({ name }) => Object.hasOwn(CHANGEABLE, name))

/**
 * The options of a clone: those of the engine that is cloned, but for those given.
 * @throws HalError HAL_INVALID_ARGUMENT for a wrong value, and for an option that a clone cannot have of its own.
 */
export function cloneOptions(original: OptionValues, given: CloneOptions): OptionValues {
  const names = changeable.map(({ name }) => name)
  const stranger = Object.keys(given).find((name) => !names.includes(name))
  if (stranger !== undefined) {
    const why = Object.hasOwn(original, stranger)
      ? `is that of the engine that is cloned; a clone can have its own ${names.join(', ')}`
      : `does not exist for a clone; ${suggest(stranger, names)}`
    throw new HalError('HAL_INVALID_ARGUMENT', `option '${stranger}' ${why}`)
  }
  const options = changeable.map((option) => {
    const inherited = original[option.name]
    return inherited === undefined ? option : { ...option, default: inherited }
  })
  return { ...original, ...resolveOptions(given, options) }
}
