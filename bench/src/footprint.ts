import { readdirSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
export const collectGarbage = runInNewContext('gc') as () => void

/** What this process holds, after a collection of its garbage. Linux only. */
export interface Footprint {
  readonly heapBytes: number
  /** Memory outside of the heap that its objects hold, array buffers included. */
  readonly externalBytes: number
  /** Memory that is nobody else's, of this process and its children; not what of a file lies in memory. */
  readonly anonymousKb: number
  /** What keeps the event loop alive: timers, pipes, workers. */
  readonly resources: number
  readonly threads: number
  readonly descriptors: number
  readonly children: number
}

export function footprint(): Footprint {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  const pids = children()
  return {
    heapBytes: heapUsed,
    externalBytes: external,
    anonymousKb: [process.pid, ...pids].reduce((sum, pid) => sum + anonymousKb(pid), 0),
    resources: process.getActiveResourcesInfo().length,
    threads: readdirSync('/proc/self/task').length,
    descriptors: readdirSync('/proc/self/fd').length,
    children: pids.length,
  }
}

export function children(): number[] {
  const list = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim()
  return list === '' ? [] : list.split(' ').map(Number)
}

export function anonymousKb(pid: number): number {
  return Number(/^Pss_Anon: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1])
}

/** Memory of files of this name that the process has mapped; what others have mapped too counts as a share. */
export function mappedKb(pid: number, file: string): number {
  const mappings = readFileSync(`/proc/${pid}/smaps`, 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const own = mappings.filter((mapping) => mapping.slice(0, mapping.indexOf('\n')).endsWith(`/${file}`))
  return own.reduce((sum, mapping) => sum + Number(/^Pss: +(\d+)/m.exec(mapping)?.[1]), 0)
}
