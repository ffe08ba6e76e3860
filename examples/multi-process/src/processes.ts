import { anonymousMb, cpuMs, isComputing, table } from '@xpu-hal/example-gauges'

/** The processes of an application, with what each has done since this was made. */
export class Processes {
  readonly #before: ReadonlyMap<number, number>
  readonly #killed = new Map<number, string[]>()

  /** `pids` tells which there are. */
  constructor(private readonly pids: () => readonly number[]) {
    this.#before = new Map(pids().map((pid) => [pid, cpuMs(pid)]))
  }

  /** Kills one that computes, as the system does when memory runs out; `anyway`: or else the first. Gives its id. */
  kill(anyway: boolean): number | undefined {
    const pids = this.pids()
    const pid = pids.find(isComputing) ?? (anyway ? pids[0] : undefined)
    if (pid === undefined) return undefined
    this.#killed.set(pid, this.#row(pid, 'killed'))
    process.kill(pid, 'SIGKILL')
    return pid
  }

  /** A line for each: computed milliseconds, anonymous memory, and what became of it. */
  table(): string {
    const alive = this.pids().filter((pid) => !this.#killed.has(pid))
    const rows = alive.map((pid) => this.#row(pid, this.#before.has(pid) ? '' : 'new'))
    return table([['process', 'computed ms', 'memory MB', ''], ...this.#killed.values(), ...rows])
  }

  #row(pid: number, fate: string): string[] {
    const computed = cpuMs(pid) - (this.#before.get(pid) ?? 0)
    return [String(pid), computed.toFixed(0), anonymousMb([pid]).toFixed(0), fate]
  }
}
