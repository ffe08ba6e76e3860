/**
 * The runner of this backend: what `@xpu-hal/host` imports on every worker.
 *
 * @packageDocumentation
 */
import { HalError, type Model, type Tensor, type TensorInfo } from '@xpu-hal/core/backend'
import type { LoadedModel, PipelinedRunner, WorkerInfo } from '@xpu-hal/host'
import { exitProcess } from './native/exit.js'
import { interrupt } from './native/interruption.js'
import { borrow as borrowTensor, type Loan } from './native/loan.js'
import { NpuRunner, type RuntimeSettings } from './native/npu-runner.js'
import { type ModelTensors, modelTensors } from './tensor-info.js'

export interface NpuRunnerConfig extends RuntimeSettings {
  readonly tensors: ModelTensors | undefined
}

/** The file of the model, which every instance loads for itself. */
export interface ModelFile {
  readonly path: string
  readonly outputs: readonly TensorInfo[]
}

export function load(config: NpuRunnerConfig, model: Model): LoadedModel<ModelFile> {
  if (model.kind === 'bytes')
    throw new HalError('HAL_INTERNAL', 'the backend writes the bytes of a model to a file')
  const { path } = model
  const { inputs, outputs } = modelTensors(path, config.tensors)
  return { inputs, outputs, outputShapes: 'hint', shared: { path, outputs } }
}

export function open(config: NpuRunnerConfig, shared: ModelFile, _worker: WorkerInfo): PipelinedRunner {
  return new NpuRunner(config, shared.path, shared.outputs)
}

export function borrow(loan: readonly Loan[]): Tensor[] {
  return loan.map(borrowTensor)
}

export { exitProcess, interrupt }
