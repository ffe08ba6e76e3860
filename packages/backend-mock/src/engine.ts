import type {
  DeviceEvent,
  DriverRun,
  EngineDriver,
  HalError,
  RunAnswer,
  SyncRequest,
} from '@xpu-hal/core/backend'
import { Answers, failure, misshapen } from './answers.js'
import type { Board } from './board.js'
import type { Fault, FaultKind, FaultPlan } from './faults.js'
import type { MainTime } from './main-time.js'
import type { RunTable } from './run-table.js'
import type { RunnerConfig } from './runner.js'
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
  readonly keepsModel
  readonly sharesWeights
  private readonly answers = new Answers()
  /** What the inner driver got in place of a run. */
  private readonly passed = new Map<DriverRun, DriverRun>()

  constructor(
    /** Of the host. */
    readonly inner: EngineDriver,
    private readonly model: string,
    /** What its runner was loaded for. */
    readonly arithmetic: RunnerConfig['arithmetic'],
    private readonly device: DeviceState,
    private readonly timing: Timing,
    private readonly table: RunTable,
    /** Where the workers are other processes. */
    private readonly mainTime: MainTime | undefined,
  ) {
    this.inputs = inner.inputs
    this.outputs = inner.outputs
    this.outputShapes = inner.outputShapes
    this.memory = inner.memory
    this.lanes = inner.lanes
    this.keepsModel = inner.keepsModel ?? false
    this.sharesWeights = inner.sharesWeights ?? false
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
    const core = this.coreOf(lane)
    const time = this.timing.draw(core, rowsOf(run))
    table.begin(job, time, device.board.generation)
    const passed: DriverRun = {
      job,
      lane,
      inputs,
      inputNames,
      outputs,
      done: (answer) => {
        const done = () => {
          const times = table.outcome(job)
          this.forget(run)
          answering.done({ ...answer, ...times })
        }
        if (this.mainTime === undefined) done()
        else this.mainTime.pass({ job, core, time, done, fail: passed.fail })
      },
      fail: (error) => {
        this.forget(run)
        answering.fail(error)
      },
      giveBack: () => {
        this.forget(run)
        run.giveBack()
      },
      lose: (error) => {
        this.forget(run)
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
    const core = this.coreOf(0)
    const time = this.timing.draw(core, rowsOf(request))
    this.table.begin(undefined, time, device.board.generation)
    const computed = inner.doRunSync?.(request) as RunAnswer
    this.mainTime?.passNow(core, time)
    const answer = { ...computed, ...this.table.outcome(undefined) }
    return fault === undefined ? answer : misshapen(answer)
  }

  doSubscribe(listener: (event: DeviceEvent) => void): void {
    this.inner.doSubscribe?.(listener)
  }

  doRecall(run: DriverRun): boolean {
    const passed = this.passed.get(run)
    const recalled = passed !== undefined && this.inner.doRecall?.(passed) === true
    if (recalled) this.forget(run)
    return recalled
  }

  doCancel(run: DriverRun): void {
    if (!this.passed.has(run)) return
    this.table.cancel(run.job)
    this.device.board.ring()
    this.mainTime?.cancel(run.job)
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
    this.mainTime?.abort()
    this.answers.abort(error)
  }

  /** The inner driver has let go of the run. */
  private forget(run: DriverRun): void {
    this.passed.delete(run)
    this.table.end(run.job)
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

function rowsOf({ inputs }: SyncRequest): number {
  return inputs[0]?.shape[0] ?? 1
}
