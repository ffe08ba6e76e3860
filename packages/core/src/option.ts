/** The types an option can have. `strings` is a list of strings, `record` an object of strings. */
export type OptionType = 'string' | 'boolean' | 'integer' | 'number' | 'enum' | 'strings' | 'record'

export type OptionValue =
  | string
  | boolean
  | number
  | readonly string[]
  | readonly number[]
  | Readonly<Record<string, string | number | boolean>>

/** A declared setting of an engine: what it is called, what it takes and what it does. */
export interface Option {
  readonly name: string
  readonly type: OptionType
  /** Missing: the backend decides when the option is not given. */
  readonly default?: OptionValue
  /** One line: what it does, with the unit of a number. */
  readonly description: string
  /** The allowed values of an `enum`; for `strings`, words taken in place of a list. */
  readonly values?: readonly string[]
  /** The allowed range of a number, both ends included. */
  readonly min?: number
  readonly max?: number
}

/** Checked options with the defaults filled in. What is missing was not given and has no default. */
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>
