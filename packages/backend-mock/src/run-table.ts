import { HalError } from '@xpu-hal/core/backend'
import type { Occupation } from './board.js'
import type { RunTime } from './timing.js'

const ROWS = 256
const FREE = -1n
/** The row of `runSync`, which has no job of its own; the rows of jobs come before it. */
const SYNC = ROWS
const COLUMNS = 6
const JOB = 0
const COMPUTE = 1
const TRANSFER = 2
const START = 3
const END = 4
const GENERATION = 5
const CELLS_BYTES = (ROWS + 1) * COLUMNS * 8

/**
 * What an engine on the main thread and its runners tell each other about the runs under way: memory that they share.
 * An engine has far fewer runs under way than there are rows; but while one of them takes long, the number of the next jobs
 * may rise by any amount.
 */
export class RunTable {
  readonly memory: SharedArrayBuffer
  private readonly cells: BigInt64Array
  private readonly cancelled: Int32Array

  static create(): RunTable {
    const table = new RunTable(new SharedArrayBuffer(CELLS_BYTES + (ROWS + 1) * 4))
    table.cells.fill(FREE)
    return table
  }

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.cells = new BigInt64Array(memory, 0, (ROWS + 1) * COLUMNS)
    this.cancelled = new Int32Array(memory, CELLS_BYTES)
  }

  /** Before a run is handed to a runner; it has a row until {@link end}. Without a job: for `runSync`. */
  begin(job: number | undefined, { compute, transfer }: RunTime, generation: number): void {
    const row = job === undefined ? SYNC : this.find(FREE, job)
    if (row === undefined) throw new HalError('HAL_INTERNAL', `more than ${ROWS} runs are under way`)
    Atomics.store(this.cancelled, row, 0)
    this.set(row, COMPUTE, compute)
    this.set(row, TRANSFER, transfer)
    this.set(row, GENERATION, BigInt(generation))
    if (job !== undefined) this.set(row, JOB, BigInt(job))
  }

  /** The runner has let go of the run. */
  end(job: number): void {
    const row = this.rowOf(job)
    if (row !== SYNC) this.set(row, JOB, FREE)
  }

  /** The row of a job between {@link begin} and {@link end}, else that of `runSync`. */
  rowOf(job: number | undefined): number {
    return job === undefined || job < 0 ? SYNC : (this.find(BigInt(job), job) ?? SYNC)
  }

  timeOf(row: number): RunTime {
    return { compute: this.get(row, COMPUTE), transfer: this.get(row, TRANSFER) }
  }

  /** That of the board when the run began. */
  generationOf(row: number): number {
    return Number(this.get(row, GENERATION))
  }

  finish(row: number, { start, end }: Occupation): void {
    this.set(row, START, start)
    this.set(row, END, end)
  }

  /** When the core began and when it was done, in milliseconds, for an answer. */
  outcome(job: number | undefined): { startedAt: number; endedAt: number } {
    const row = this.rowOf(job)
    return { startedAt: Number(this.get(row, START)) / 1e6, endedAt: Number(this.get(row, END)) / 1e6 }
  }

  cancel(job: number): void {
    Atomics.store(this.cancelled, this.rowOf(job), 1)
  }

  isCancelled(row: number): boolean {
    return Atomics.load(this.cancelled, row) !== 0
  }

  /** The row that names `wanted`, looked for from where a job has it mostly. */
  private find(wanted: bigint, job: number): number | undefined {
    for (let i = 0; i < ROWS; i++) {
      const row = (job + i) % ROWS
      if (this.get(row, JOB) === wanted) return row
    }
    return undefined
  }

  private get(row: number, column: number): bigint {
    return Atomics.load(this.cells, row * COLUMNS + column)
  }

  private set(row: number, column: number, value: bigint): void {
    Atomics.store(this.cells, row * COLUMNS + column, value)
  }
}
