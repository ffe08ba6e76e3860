import type { Engine } from '@xpu-hal/core'
import type { Processes } from './processes.js'
import type { Task } from './task.js'

/** Milliseconds that a killed process may take to be replaced. */
const PATIENCE = 20_000
/** Milliseconds after an answer until who computes does not just wait for the next run. */
const MIDDLE = 2

/** Kills one process in the middle, and listens to what becomes of it. */
export class Killing {
  readonly #lines: string[] = []
  readonly #recovered: Promise<void>
  #timer: NodeJS.Timeout | undefined
  #at: number | undefined
  #read = 0

  constructor(
    private readonly engine: Engine,
    private readonly processes: Processes,
    private readonly task: Task,
  ) {
    engine.on('lost', ({ message }) => this.#note('lost', message))
    this.#recovered = new Promise((resolve) => {
      engine.on('recovered', () => {
        this.#note('recovered')
        resolve()
      })
    })
  }

  /** After half of the pictures, as soon as a process is in the middle of a run. */
  consider(read: number): void {
    this.#read = read
    if (this.#at !== undefined || read < this.task.pictures.length / 2) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#kill(false)
    }, MIDDLE)
  }

  /** When all pictures are read. */
  async story(): Promise<readonly string[]> {
    clearTimeout(this.#timer)
    if (this.#at === undefined) this.#kill(true)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE)
      this.#recovered.then(() => {
        clearTimeout(timer)
        resolve()
      })
    })
    const { repeated } = this.engine.stats()
    return [...this.#lines, `Runs that were executed a second time: ${repeated}`]
  }

  #kill(anyway: boolean): void {
    const pid = this.processes.kill(anyway)
    if (pid === undefined) return
    this.#at = performance.now()
    this.#lines.push(`Process ${pid} was killed after ${this.#read} pictures.`)
  }

  #note(event: string, message = ''): void {
    const ms = (performance.now() - (this.#at ?? 0)).toFixed(0).padStart(5)
    this.#lines.push(`${ms} ms: ${event}${message && `: ${message}`}`)
  }
}
