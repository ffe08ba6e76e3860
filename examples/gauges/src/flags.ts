import { type ParseArgsConfig, parseArgs } from 'node:util'

/** The values of a program's flags. @throws Error of one line saying what is wrong with them */
export function readFlags<T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (cause) {
    // Only its first sentence is about the flags.
    const [what = ''] = (cause as Error).message.split(/\.(?: |$)|\n/)
    throw new Error(`${what}; --help lists the flags`, { cause })
  }
}

/** @throws Error naming the flag that is no whole number from 1 to `most` */
export function whole(flag: string, text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value < 1 || value > most) throw new Error(`--${flag} takes a number from 1 to ${most}, not '${text}'`)
  return value
}

/** @throws Error naming the flag that is none of `words` */
export function oneOf<T extends string>(flag: string, text: string, words: readonly T[]): T {
  const word = words.find((known) => known === text)
  if (word === undefined) throw new Error(`--${flag} takes ${words.join(', ')}, not '${text}'`)
  return word
}
