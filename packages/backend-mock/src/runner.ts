import { readFile } from 'node:fs/promises'
import { HalError, type Model, type Tensor } from '@xpu-hal/core/backend'
import type { LoadedModel, Runner, RunnerAnswer, RunnerCall, WorkerInfo } from '@xpu-hal/host'
import { decodeModel, type OnnxGraph } from '@xpu-hal/onnx'
import { compile, infosOf, type Program, sameShape, shared, write, zeros } from './arithmetic/index.js'
import { Board } from './board.js'
import { RunTable } from './run-table.js'
import { Simulation } from './simulation.js'

export interface RunnerConfig {
  readonly device: string
  /** Ids of all cores of the device, in order. */
  readonly cores: readonly string[]
  /** Memory of the device's {@link Board} and of the engine's {@link RunTable}; a worker process gets none. */
  readonly shared?: { readonly board: SharedArrayBuffer; readonly table: SharedArrayBuffer }
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
  private readonly simulation: Simulation | undefined
  private readonly program: Program
  private readonly inputNames: readonly string[]
  private readonly outputNames: readonly string[] | undefined

  constructor(config: RunnerConfig, graph: OnnxGraph, core: number) {
    const { shared, device } = config
    this.simulation =
      shared && new Simulation(new Board(shared.board), new RunTable(shared.table), device, core)
    this.program = config.arithmetic === 'exact' ? compile(graph) : zeros(graph)
    this.inputNames = graph.inputs.map(({ name }) => name)
    this.outputNames = infosOf(graph.outputs).length === 0 ? graph.outputs.map(({ name }) => name) : undefined
  }

  run(call: RunnerCall): RunnerAnswer {
    const end = this.simulation?.begin(call.job)
    const outputs = this.compute(call)
    end?.()
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
}
