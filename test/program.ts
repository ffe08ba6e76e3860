import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

export interface Ending {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program that was built, in a folder of its own, its temporary files included, that goes after the tests of the file. */
export function program(file: string): {
  readonly folder: string
  start(...args: string[]): Promise<Ending>
} {
  const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-example-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const env = { ...process.env, TMPDIR: folder }
  const start = (...args: string[]) =>
    new Promise<Ending>((resolve) => {
      execFile(process.execPath, [file, ...args], { cwd: folder, env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
      })
    })
  return { folder, start }
}
