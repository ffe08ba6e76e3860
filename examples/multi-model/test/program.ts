import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Where the program runs. */
export const folder = mkdtempSync(join(tmpdir(), 'multi-model-'))
afterAll(() => rmSync(folder, { recursive: true }))

export interface Ending {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export function start(...args: string[]): Promise<Ending> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

/** The indented lines under the headline that begins like this. */
export function section(stdout: string, title: string): string[] {
  const text = stdout.split('\n\n').find((part) => part.trimStart().startsWith(title)) ?? ''
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
}
