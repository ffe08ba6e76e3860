import { fileURLToPath } from 'node:url'
import { program } from '../../../test/program.ts'

export const { folder, start } = program(fileURLToPath(new URL('../dist/main.js', import.meta.url)))

export interface TaskLine {
  /** `client.task` */
  readonly task: string
  /** The core, or the code of the error. */
  readonly ending: string
  /** The first elements of the output. */
  readonly values: string | undefined
}

/** The tasks that were printed, by client and task. */
export function tasks(stdout: string): TaskLine[] {
  const lines =
    /^client (\d+) \| task (\d+) \| [\d.]+ ms \| (?:waited [\d.]+, ran [\d.]+ on (\S+)|(HAL_\w+): .+)(?:\n {2}\S+: \d+ bytes, \d+ elements: (.+))?$/gm
  return [...stdout.matchAll(lines)]
    .map(([, client, task, core, code, values]) => ({
      task: `${client}.${task}`,
      ending: core ?? code ?? '',
      values,
    }))
    .sort((a, b) => a.task.localeCompare(b.task))
}

/** The number of workers in each row of the comparison. */
export function compared(stdout: string): number[] {
  return [...stdout.matchAll(/^ +(\d+)(?: +\d+\.\d){5}$/gm)].map(([, workers]) => Number(workers))
}
