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

/** Milliseconds that a process has computed, in steps of 10. */
export function cpuMs(pid: number): number {
  const [user, system] = statOf(pid).slice(11, 13)
  return 10 * (Number(user) + Number(system))
}

/** Whether a process is computing, or waits for nothing but a core to do so. */
export function isComputing(pid: number): boolean {
  return statOf(pid)[0] === 'R'
}

/** From the state on. */
function statOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /s, '').split(' ')
}

function field(file: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(file, 'latin1'))?.[1])
}
