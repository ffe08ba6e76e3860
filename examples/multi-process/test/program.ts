import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Where the program runs; its temporary files are in there too. */
export const folder = mkdtempSync(join(tmpdir(), 'multi-process-'))
afterAll(() => rmSync(folder, { recursive: true }))

export interface Ending {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export function start(...args: string[]): Promise<Ending> {
  const env = { ...process.env, TMPDIR: folder }
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

/** What became of each process: nothing, `killed` or `new`. */
export function fates(stdout: string): string[] {
  return [...stdout.matchAll(/^\d+ +\d+ +\d+ *(killed|new)?$/gm)].map(([, fate = '']) => fate)
}

/** The figures of `--memory`, a row for each count. */
export function memory(stdout: string): number[][] {
  return [...stdout.matchAll(/^\d(?: +\d+){6}$/gm)].map(([row]) => row.split(/ +/).map(Number))
}
