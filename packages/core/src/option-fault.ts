import { inspect, types } from 'node:util'
import type { Option } from './option.js'
import { closest } from './suggest.js'

/** What is wrong with a value, to stand after the name of its option; `undefined` when nothing is. */
export function valueFault(option: Option, value: unknown): string | undefined {
  const { type, values = [], settings = [] } = option
  const shown = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, customInspect: false })
  const got = `got ${shown}`
  switch (type) {
    case 'enum': {
      if (values.includes(value as string)) return undefined
      const meant = typeof value === 'string' ? closest(value, values) : undefined
      return `is one of ${quoted(values)}, ${got}${meant === undefined ? '' : `; did you mean '${meant}'?`}`
    }
    case 'strings':
      if (values.includes(value as string) || isListOf(value, isString)) return undefined
      return `is a list of at least one string${orWord(values)}, ${got}`
    case 'list': {
      const fits = (item: unknown) =>
        Number.isSafeInteger(item) && numberFault(option, item, '') === undefined
      if (values.includes(value as string) || isListOf(value, isString) || isListOf(value, fits))
        return undefined
      const from = option.min === undefined ? '' : ` from ${option.min}`
      return `is a list of at least one string or whole number${from}${orWord(values)}, ${got}`
    }
    case 'integer':
    case 'number':
      if (values.includes(value as string)) return undefined
      return numberFault(option, value, got)
    case 'string':
      return typeof value === 'string' ? undefined : `is a string, ${got}`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `is true or false, ${got}`
    case 'record':
      return isStringRecord(value) ? undefined : `is an object of strings, ${got}`
    case 'settings':
      if (typeof value === 'object' && value !== null && !types.isProxy(value) && isPlain(value))
        return undefined
      return `is an object with ${quoted(settings.map(({ name }) => name))}, ${got}`
  }
}

function numberFault(option: Option, value: unknown, got: string): string | undefined {
  const { type, values = [], min, max } = option
  const right = type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)
  if (!right) return `is ${type === 'integer' ? 'a whole number' : 'a number'}${orWord(values)}, ${got}`
  if (min !== undefined && (value as number) < min) return `is at least ${min}, ${got}`
  if (max !== undefined && (value as number) > max) return `is at most ${max}, ${got}`
  return undefined
}

function isListOf(value: unknown, fits: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && !types.isProxy(value) && value.length > 0 && value.every(fits)
}

function isString(value: unknown): boolean {
  return typeof value === 'string'
}

function isStringRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || types.isProxy(value))
    return false
  return Object.values(value).every(isString)
}

function orWord(values: readonly string[]): string {
  return values.length > 0 ? ` or one of ${quoted(values)}` : ''
}

function quoted(values: readonly string[]): string {
  return values.map((value) => `'${value}'`).join(', ')
}

/** No instance of a class. Also where it comes from another realm, as in test runners. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
