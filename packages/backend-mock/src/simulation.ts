import { HalError } from '@xpu-hal/core/backend'
import { type Board, clock } from './board.js'
import type { RunTable } from './run-table.js'

/** The simulated time of the runs of one runner: it passes on the runner's thread. */
export class Simulation {
  constructor(
    private readonly board: Board,
    private readonly table: RunTable,
    private readonly device: string,
    private readonly core: number,
  ) {}

  /**
   * A run has come. What it gives lets the time pass of which the arithmetic since then has taken a part.
   * @throws HalError where the run is cancelled, or the device is lost
   */
  begin(job: number): () => void {
    const arrival = clock()
    const row = this.table.rowOf(job)
    this.check(row)
    return () => this.pass(row, arrival)
  }

  private pass(row: number, arrival: bigint): void {
    const check = () => this.check(row)
    const { compute, transfer } = this.table.timeOf(row)
    const ready = arrival + transfer
    if (transfer > 0n) this.board.sleepUntil(ready, check)
    const booking = this.board.book(this.core, ready, compute)
    try {
      this.board.sleepUntil(booking.end, check)
    } catch (error) {
      this.board.release(this.core, booking)
      throw error
    }
    this.table.finish(row, booking)
  }

  private check(row: number): void {
    const { device } = this
    if (this.board.generation !== this.table.generationOf(row)) {
      throw new HalError('HAL_DEVICE_LOST', `${device} was lost during the run`, { device })
    }
    if (this.table.isCancelled(row)) throw new HalError('HAL_ABORTED', 'the run was cancelled', { device })
  }
}
