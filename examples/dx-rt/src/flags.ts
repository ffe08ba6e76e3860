import { parseArgs } from 'node:util'

/** A flag of a script: a number from `least`, text (one of `words`, if given; '' for none), or a switch, off by default. */
export type Flag =
  | { readonly about: string; readonly default: number; readonly least: number }
  | { readonly about: string; readonly default: string; readonly words?: readonly string[] }
  | { readonly about: string; readonly default: false }

export type Flags = Readonly<Record<string, Flag>>

type Value<T> = T extends number ? number : T extends string ? string : boolean

export type FlagValues<F extends Flags> = { readonly [K in keyof F]: Value<F[K]['default']> }

/** @throws Error saying in one line which argument is wrong. */
export function readFlags<F extends Flags>(args: readonly string[], flags: F): FlagValues<F> {
  const given = parse(args, flags)
  const values = Object.entries(flags).map(([name, flag]) => [name, read(name, flag, given[name])])
  return Object.fromEntries(values) as FlagValues<F>
}

function parse(args: readonly string[], flags: Flags) {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => {
      return [name, { type: flag.default === false ? 'boolean' : 'string' } as const]
    }),
  )
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (cause) {
    // Only its first sentence is about the arguments.
    const [what = ''] = (cause as Error).message.split(/\. |\n/)
    throw new Error(`${what.replace(/\.$/, '')}; --help lists the flags`, { cause })
  }
}

function read(name: string, flag: Flag, given: string | boolean | undefined): string | number | boolean {
  if (typeof given !== 'string') return given ?? flag.default
  if ('least' in flag) {
    if (!/^-?\d+$/.test(given)) throw new Error(`--${name} takes a whole number, not '${given}'`)
    if (Number(given) < flag.least) throw new Error(`--${name} is at least ${flag.least}, not ${given}`)
    return Number(given)
  }
  if ('words' in flag && flag.words !== undefined && !flag.words.includes(given)) {
    throw new Error(`--${name} takes ${flag.words.join(', ')}, not '${given}'`)
  }
  return given
}

export function helpText(about: string, flags: Flags): string {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const value = flag.default === false ? '' : 'least' in flag ? ' <n>' : ' <text>'
    const usual = flag.default === false || flag.default === '' ? '' : `  (${flag.default})`
    const words = 'words' in flag && flag.words !== undefined ? `: ${flag.words.join(', ')}` : ''
    return [`--${name}${value}`, `${flag.about}${words}${usual}`] as const
  })
  const width = Math.max(...rows.map(([flag]) => flag.length))
  const lines = rows.map(([flag, text]) => `  ${flag.padEnd(width)}  ${text}`)
  return `${about}\n\n${lines.join('\n')}\n\nIn brackets: what is taken when the flag is missing.`
}
