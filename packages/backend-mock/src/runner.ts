import { readFile } from 'node:fs/promises'
import { HalError, type Model, type Tensor } from '@xpu-hal/core/backend'
import type { LoadedModel, Runner, RunnerAnswer, RunnerCall, WorkerInfo } from '@xpu-hal/host'
import { decodeModel, type OnnxGraph } from '@xpu-hal/onnx'
import { compile, infosOf, type Program, sameShape, shared, write, zeros } from './arithmetic/index.js'
import { Board, clock } from './board.js'
import { RunTable } from './run-table.js'

export interface RunnerConfig {
  readonly device: string
  /** Ids of all cores of the device, in order. */
  readonly cores: readonly string[]
  /** Memory of the device's {@link Board} and of the engine's {@link RunTable}. */
  readonly board: SharedArrayBuffer
  readonly table: SharedArrayBuffer
  /** `exact`: computes what the model says. `zeros`: answers zeros, whatever the model. */
  readonly arithmetic: 'exact' | 'zeros'
}

export async function load({ arithmetic }: RunnerConfig, model: Model): Promise<LoadedModel<OnnxGraph>> {
  const { graph } = decodeModel(model.kind === 'file' ? await readFile(model.path) : model.bytes)
  if (arithmetic === 'exact') compile(graph)
  // Of a model that will answer zeros, nothing but the outputs is needed.
  const kept = arithmetic === 'exact' ? graph : { ...graph, nodes: [], initializers: {} }
  return {
    inputs: infosOf(graph.inputs),
    outputs: infosOf(graph.outputs),
    outputShapes: 'exact',
    shared: kept,
  }
}

export function open(config: RunnerConfig, graph: OnnxGraph, { core }: WorkerInfo): Runner {
  return new MockRunner(config, graph, config.cores.indexOf(core))
}

class MockRunner implements Runner {
  private readonly board: Board
  private readonly table: RunTable
  private readonly program: Program
  private readonly inputNames: readonly string[]
  private readonly outputNames: readonly string[] | undefined

  constructor(
    private readonly config: RunnerConfig,
    graph: OnnxGraph,
    private readonly core: number,
  ) {
    this.board = new Board(config.board)
    this.table = new RunTable(config.table)
    this.program = config.arithmetic === 'exact' ? compile(graph) : zeros(graph)
    this.inputNames = graph.inputs.map(({ name }) => name)
    this.outputNames = infosOf(graph.outputs).length === 0 ? graph.outputs.map(({ name }) => name) : undefined
  }

  run(call: RunnerCall): RunnerAnswer {
    const arrival = clock()
    const row = this.table.rowOf(call.job)
    const check = () => this.check(row)
    check()
    const outputs = this.compute(call)
    this.simulate(row, arrival, check)
    return {
      outputs,
      bytesCopied: 0,
      ...(this.outputNames !== undefined && { outputNames: this.outputNames }),
    }
  }

  close(): void {}

  private compute({ inputs, inputNames, outputs }: RunnerCall): Tensor[] {
    const ordered = this.inputNames.map((name) => {
      const input = inputs[inputNames.indexOf(name)]
      if (input === undefined) throw new HalError('HAL_INVALID_ARGUMENT', `input "${name}" is missing`)
      return input
    })
    return this.program(ordered).map((value, i) => {
      const given = outputs[i]
      // A shape that contradicts the model is for core to refuse: the tensor given stays as it is.
      if (given === undefined || !sameShape(given.shape, value.shape)) return shared(value)
      write(value, given)
      return given
    })
  }

  /** Lets the simulated time of the run pass, of which the arithmetic since `arrival` has taken a part. */
  private simulate(row: number, arrival: bigint, check: () => void): void {
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
    const { device } = this.config
    if (this.board.generation !== this.table.generationOf(row)) {
      throw new HalError('HAL_DEVICE_LOST', `${device} was lost during the run`, { device })
    }
    if (this.table.isCancelled(row)) throw new HalError('HAL_ABORTED', 'the run was cancelled', { device })
  }
}
