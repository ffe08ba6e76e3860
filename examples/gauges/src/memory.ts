import { existsSync, readFileSync } from 'node:fs'

/** Whether this system tells how much memory is a process's own. */
export function canMeasure(): boolean {
  return existsSync('/proc/self/smaps_rollup')
}

/** Megabytes that belong to these processes alone; what of a mapped file lies in memory is not among them. */
export function anonymousMb(pids: readonly number[]): number {
  const bytes = pids.reduce(
    (sum, pid) => sum + 1024 * field(`/proc/${pid}/smaps_rollup`, /^Pss_Anon: +(\d+)/m),
    0,
  )
  return bytes / 1e6
}

/** The processes that a process has started. */
export function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  return list === '' ? [] : list.split(' ').map(Number)
}

function field(file: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(file, 'latin1'))?.[1])
}
