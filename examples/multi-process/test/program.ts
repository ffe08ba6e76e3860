import { fileURLToPath } from 'node:url'
import { program } from '../../../test/program.ts'

export const { folder, start } = program(fileURLToPath(new URL('../dist/main.js', import.meta.url)))

/** What became of each process: nothing, `killed` or `new`. */
export function fates(stdout: string): string[] {
  return [...stdout.matchAll(/^\d+ +\d+ +\d+ *(killed|new)?$/gm)].map(([, fate = '']) => fate)
}

/** The figures of `--memory`, a row for each count. */
export function memory(stdout: string): number[][] {
  return [...stdout.matchAll(/^\d(?: +\d+){6}$/gm)].map(([row]) => row.split(/ +/).map(Number))
}
