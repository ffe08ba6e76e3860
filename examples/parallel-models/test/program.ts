import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

export const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Where the program runs and writes. */
export const folder = mkdtempSync(join(tmpdir(), 'parallel-models-'))
afterAll(() => rmSync(folder, { recursive: true }))

export interface Ending {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export function demo(...args: string[]): Promise<Ending> {
  return start(program, ...args)
}

/** Runs a copy of the program. */
export function start(file: string, ...args: string[]): Promise<Ending> {
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

/** The columns of the table, without the times. */
export function rows(stdout: string): { device: string; core: string; model: string; found: string }[] {
  return [...stdout.matchAll(/^(\S+:\S+) +(\S+) +(\S+)(?: +\d+\.\d){3} +(.+)$/gm)].map(
    ([, device = '', core = '', model = '', found = '']) => ({ device, core, model, found }),
  )
}
