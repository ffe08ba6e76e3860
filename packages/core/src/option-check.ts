import { inspect, types } from 'node:util'
import { HalError } from './errors.js'
import type { Option, OptionValue, OptionValues } from './option.js'
import { closest, suggest } from './suggest.js'

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

/** Checks the values given for `options` and fills in the defaults. Names that `options` lacks are passed over. */
export function resolveOptions(
  given: Readonly<Record<string, unknown>>,
  options: readonly Option[],
): OptionValues {
  const values: Record<string, OptionValue | undefined> = {}
  for (const option of options) {
    const value = Object.hasOwn(given, option.name) ? snapshot(given[option.name]) : undefined
    if (value !== undefined) checkValue(option, value)
    const resolved = value === undefined ? option.default : (value as OptionValue)
    if (resolved !== undefined) values[option.name] = resolved
  }
  return values
}

/** Lists and records as they are now: what is checked is what is used. A proxy is left to be refused. */
function snapshot(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return value
  // By index, with the holes: neither a member nor an iterator of the list itself has a say.
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, i): unknown => value[i])
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype ? Object.fromEntries(Object.entries(value)) : value
}

function checkValue(option: Option, value: unknown): void {
  const fault = valueFault(option, value)
  if (fault !== undefined) throw new HalError('HAL_INVALID_ARGUMENT', `option '${option.name}' ${fault}`)
}

function valueFault(option: Option, value: unknown): string | undefined {
  const { type, values = [] } = option
  const shown = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, customInspect: false })
  const got = `got ${shown}`
  switch (type) {
    case 'enum': {
      if (values.includes(value as string)) return undefined
      const meant = typeof value === 'string' ? closest(value, values) : undefined
      return `is one of ${quoted(values)}, ${got}${meant === undefined ? '' : `; did you mean '${meant}'?`}`
    }
    case 'strings': {
      if (values.includes(value as string)) return undefined
      const isList =
        Array.isArray(value) &&
        !types.isProxy(value) &&
        value.length > 0 &&
        value.every((item) => typeof item === 'string')
      return isList
        ? undefined
        : `is a list of at least one string${values.length > 0 ? ` or one of ${quoted(values)}` : ''}, ${got}`
    }
    case 'integer':
    case 'number':
      return numberFault(option, value, got)
    case 'string':
      return typeof value === 'string' ? undefined : `is a string, ${got}`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `is true or false, ${got}`
    case 'record':
      return isStringRecord(value) ? undefined : `is an object of strings, ${got}`
  }
}

function numberFault({ type, min, max }: Option, value: unknown, got: string): string | undefined {
  const right = type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)
  if (!right) return `is ${type === 'integer' ? 'a whole number' : 'a number'}, ${got}`
  if (min !== undefined && (value as number) < min) return `is at least ${min}, ${got}`
  if (max !== undefined && (value as number) > max) return `is at most ${max}, ${got}`
  return undefined
}

function isStringRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || types.isProxy(value))
    return false
  return Object.values(value).every((item) => typeof item === 'string')
}

function quoted(values: readonly string[]): string {
  return values.map((value) => `'${value}'`).join(', ')
}
