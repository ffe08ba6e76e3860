import { types } from 'node:util'
import { HalError } from './errors.js'
import type { Option, OptionValue, OptionValues } from './option.js'
import { isPlain, valueFault } from './option-fault.js'
import { suggest } from './suggest.js'

/** Entries of a list, at most: a list of any length is made in no time. */
const MAX_ENTRIES = 65_536

/** Throws HAL_INVALID_ARGUMENT for a name that no option in `known` has, with the likely spelling. */
export function checkOptionNames(
  given: Readonly<Record<string, unknown>>,
  known: readonly Option[],
  of: string,
): void {
  const names = [...new Set(known.map(({ name }) => name))]
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue
    throw new HalError('HAL_INVALID_ARGUMENT', `${of} has no option '${name}'; ${suggest(name, names)}`)
  }
}

/**
 * Checks the values given for `options` and fills in the defaults. Names that `options` lacks are passed over.
 * @param within what stands before the names in messages: `batching.` for the settings of `batching`
 */
export function resolveOptions(
  given: Readonly<Record<string, unknown>>,
  options: readonly Option[],
  within = '',
): OptionValues {
  const values: Record<string, OptionValue | undefined> = {}
  for (const option of options) {
    const name = `${within}${option.name}`
    const value = read(given, option.name, name)
    const resolved = (value === undefined ? undefined : checked(option, name, value)) ?? option.default
    if (resolved !== undefined) values[option.name] = resolved
    else if (option.required === true) throw invalid(name, `is missing: ${option.description}`)
  }
  return values
}

/** The value as it is now; `undefined` where there is none. */
function read(given: Readonly<Record<string, unknown>>, key: string, name: string): unknown {
  try {
    return Object.hasOwn(given, key) ? snapshot(given[key]) : undefined
  } catch (cause) {
    throw invalid(name, `cannot be read: ${HalError.from(cause).message}`, cause)
  }
}

/** Lists and plain objects as they are now: what is checked is what is used. A proxy is left to be refused. */
function snapshot(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return value
  if (Array.isArray(value) && value.length > MAX_ENTRIES) {
    throw new Error(`${value.length} entries are more than ${MAX_ENTRIES}`)
  }
  // By index, with the holes: neither a member nor an iterator of the list itself has a say.
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, i): unknown => value[i])
  return isPlain(value) ? Object.fromEntries(Object.entries(value)) : value
}

/** The value to use; `undefined` for a word that means what leaving the option out means. */
function checked(option: Option, name: string, value: unknown): OptionValue | undefined {
  const fault = valueFault(option, value)
  if (fault !== undefined) throw invalid(name, fault)
  const { type, settings = [] } = option
  if (type === 'settings') {
    checkOptionNames(value as Record<string, unknown>, settings, `option '${name}'`)
    return resolveOptions(value as Record<string, unknown>, settings, `${name}.`)
  }
  const isWord = (type === 'integer' || type === 'number') && typeof value === 'string'
  return isWord ? undefined : (value as OptionValue)
}

function invalid(name: string, fault: string, cause?: unknown): HalError {
  const details = cause === undefined ? {} : { cause }
  return new HalError('HAL_INVALID_ARGUMENT', `option '${name}' ${fault}`, details)
}
