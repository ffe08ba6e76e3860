import { fileURLToPath } from 'node:url'
import { program } from '../../../test/program.ts'

export const { folder, start } = program(fileURLToPath(new URL('../dist/main.js', import.meta.url)))

/** The indented lines under the headline that begins like this. */
export function section(stdout: string, title: string): string[] {
  const text = stdout.split('\n\n').find((part) => part.trimStart().startsWith(title)) ?? ''
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
}
