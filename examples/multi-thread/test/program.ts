import { fileURLToPath } from 'node:url'
import { program } from '../../../test/program.ts'

export const { folder, start } = program(fileURLToPath(new URL('../dist/main.js', import.meta.url)))

export interface ThreadLine {
  readonly engine: string
  readonly weights: string
  readonly pictures: number
  readonly bytesCopied: number
}

/** What the table says of each thread, without the times. */
export function threads(stdout: string): ThreadLine[] {
  const lines = /^\d+ +(engine:\d+) +(opened|shared|its own) +(\d+)(?: +[\d.-]+){3} +(\d+)$/gm
  return [...stdout.matchAll(lines)].map(([, engine = '', weights = '', pictures, bytes]) => ({
    ...{ engine, weights },
    ...{ pictures: Number(pictures), bytesCopied: Number(bytes) },
  }))
}

/** The figures of the two tables of `--memory`, a row for each count. */
export function memory(stdout: string): number[][][] {
  return stdout
    .split('\n\n')
    .slice(1)
    .map((text) => [...text.matchAll(/^\d(?: +\d+){4}$/gm)].map(([row]) => row.split(/ +/).map(Number)))
}
