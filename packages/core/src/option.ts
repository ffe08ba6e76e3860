/**
 * The types an option can have. `strings` is a list of strings, `list` one of strings or of whole numbers, `record` an object
 * of strings, `settings` an object of the options that {@link Option.settings} declares.
 */
export type OptionType =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'number'
  | 'enum'
  | 'strings'
  | 'list'
  | 'record'
  | 'settings'

export type OptionValue =
  | string
  | boolean
  | number
  | readonly string[]
  | readonly number[]
  | { readonly [name: string]: OptionValue | undefined }

/** A declared setting of an engine: what it is called, what it takes and what it does. */
export interface Option {
  readonly name: string
  readonly type: OptionType
  /** Missing: the backend decides when the option is not given. */
  readonly default?: OptionValue
  /** One line: what it does, with the unit of a number. */
  readonly description: string
  /**
   * The allowed values of an `enum`. Words taken in place of a list; or in place of a number, where they mean what leaving the
   * option out means, and no backend sees them.
   */
  readonly values?: readonly string[]
  /** The allowed range of a number, both ends included; for `list`, of each number in it. */
  readonly min?: number
  readonly max?: number
  /** What a value of `settings` may hold; defaults are filled in. */
  readonly settings?: readonly Option[]
  /** Whoever gives the `settings` that this one is among has to give it. */
  readonly required?: boolean
}

/** Checked options with the defaults filled in. What is missing was not given and has no default. */
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>
