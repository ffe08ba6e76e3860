import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { referenceLibrary } from '@xpu-hal/backend-npu'

export interface Ending {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  interrupt(): void
  /** Resolves when that was printed, or the script has ended. */
  printed(text: string): Promise<void>
  readonly ended: Promise<Ending>
}

export function start(script: string, ...args: string[]): Running {
  const file = fileURLToPath(new URL(`../dist/${script}.js`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args])
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (text) => (said.stdout += text))
  child.stderr.on('data', (text) => (said.stderr += text))
  const ended = new Promise<Ending>((resolve) => child.once('close', (code) => resolve({ code, ...said })))
  const printed = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => said.stdout.includes(text) && resolve()
      child.stdout.on('data', look)
      child.once('close', () => resolve())
      look()
    })
  return { interrupt: () => child.kill('SIGINT'), printed, ended }
}

/** The output of a script that is to end well. @throws Error with what it said, if it does not. */
export async function output(script: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(script, ...args).ended
  if (code !== 0 || stderr !== '') throw new Error(`${script} ended with ${code}: ${stdout}${stderr}`)
  return stdout
}

export interface Row {
  readonly way: string
  readonly runs: number
  /** Seven figures: milliseconds, runs a second, and the five percentiles. */
  readonly ms: number
  readonly run: number
  readonly latency: number
  readonly where: string
}

/** The rows of the table that a script prints. */
export function rows(stdout: string): Row[] {
  const lines = /^(\S.*?) +(\d+)((?: +\d+\.\d){6}) {2}(.*)$/gm
  return [...stdout.matchAll(lines)].map(([, way = '', runs, figures = '', where = '']) => {
    const [ms = 0, , , run = 0, latency = 0] = figures.trim().split(/ +/).map(Number)
    return { way, runs: Number(runs), ms, run, latency, where }
  })
}

/** Cores by name, with `device: ` before those of several devices. */
export function cores(where: string): string[] {
  return where.split(/[;,] /).map((place) => place.replace(/ \d+$/, ''))
}

/** Why the tests with the reference runtime are skipped. */
export function runtimeMissing(): string | undefined {
  try {
    referenceLibrary()
    return undefined
  } catch (error) {
    console.log(`skipped: ${(error as Error).message}`)
    return (error as Error).message
  }
}
