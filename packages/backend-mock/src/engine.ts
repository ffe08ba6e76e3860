import type { DriverRun, EngineDriver, HalError, RunAnswer, SyncRequest } from '@xpu-hal/core/backend'
import { Answers, failure, misshapen } from './answers.js'
import type { Board } from './board.js'
import type { Fault, FaultKind, FaultPlan } from './faults.js'
import type { RunTable } from './run-table.js'
import type { Timing } from './timing.js'

/** What a device shares with its engines. */
export interface DeviceState {
  readonly board: Board
  readonly plan: FaultPlan
  readonly coreIds: readonly string[]
  readonly engines: Set<MockEngine>
  runs: number
  faults: number
  /** Why the device is lost, as long as it is. */
  loss: HalError | undefined
}

/** A driver of the host with simulated times, and faults in the way of its answers. */
export class MockEngine implements EngineDriver {
  readonly inputs
  readonly outputs
  readonly outputShapes
  readonly memory
  readonly lanes
  private readonly answers = new Answers()
  /** What the inner driver got in place of a run. */
  private readonly passed = new Map<DriverRun, DriverRun>()

  constructor(
    private readonly inner: EngineDriver,
    private readonly model: string,
    private readonly device: DeviceState,
    private readonly timing: Timing,
    private readonly table: RunTable,
  ) {
    this.inputs = inner.inputs
    this.outputs = inner.outputs
    this.outputShapes = inner.outputShapes
    this.memory = inner.memory
    this.lanes = inner.lanes
  }

  doRun(run: DriverRun): void {
    const { device, table } = this
    device.runs++
    if (device.loss !== undefined) {
      run.fail(device.loss)
      return
    }
    const fault = this.strike()
    const answering = this.answers.to(run, fault)
    if (answering === undefined) return
    const { job, lane, inputs, inputNames, outputs } = run
    table.begin(job, this.timing.draw(this.coreOf(lane)), device.board.generation)
    const passed: DriverRun = {
      job,
      lane,
      inputs,
      inputNames,
      outputs,
      done: (answer) => {
        this.passed.delete(run)
        answering.done({ ...answer, ...table.outcome(job) })
      },
      fail: (error) => {
        this.passed.delete(run)
        answering.fail(error)
      },
      giveBack: () => {
        this.passed.delete(run)
        table.outcome(job)
        run.giveBack()
      },
      lose: (error) => {
        this.passed.delete(run)
        run.lose(error)
      },
    }
    this.passed.set(run, passed)
    this.inner.doRun(passed)
  }

  doRunSync(request: SyncRequest): RunAnswer {
    const { device, inner } = this
    device.runs++
    if (device.loss !== undefined) throw device.loss
    const fault = this.strike(['fail', 'wrong-shape'])
    if (fault?.fault === 'fail') throw failure(fault)
    this.table.begin(undefined, this.timing.draw(this.coreOf(0)), device.board.generation)
    const answer = { ...(inner.doRunSync?.(request) as RunAnswer), ...this.table.outcome(undefined) }
    return fault === undefined ? answer : misshapen(answer)
  }

  doRecall(run: DriverRun): boolean {
    const passed = this.passed.get(run)
    const recalled = passed !== undefined && this.inner.doRecall?.(passed) === true
    if (recalled) this.passed.delete(run)
    return recalled
  }

  doCancel(run: DriverRun): void {
    if (!this.passed.has(run)) return
    this.table.cancel(run.job)
    this.device.board.ring()
  }

  async doClose(): Promise<void> {
    this.answers.release()
    await this.inner.doClose()
    this.answers.release()
    this.device.engines.delete(this)
  }

  /** Gives the answers that a fault holds back. */
  release(): void {
    this.answers.release()
  }

  /** Fails the runs whose answers a fault holds back. */
  abort(error: HalError): void {
    this.answers.abort(error)
  }

  private strike(among?: readonly FaultKind[]): Fault | undefined {
    const fault = this.device.plan.take(this.model, among)
    if (fault !== undefined) this.device.faults++
    return fault
  }

  private coreOf(lane: number): number {
    return this.device.coreIds.indexOf(this.lanes[lane]?.core ?? '')
  }
}
