import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** Where the program runs; its temporary files are in there too. */
export const folder = mkdtempSync(join(tmpdir(), 'multi-thread-'))
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
