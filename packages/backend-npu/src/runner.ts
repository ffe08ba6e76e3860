/**
 * The runner of this backend: what `@xpu-hal/host` imports on every worker.
 *
 * @packageDocumentation
 */
import type { Model, Tensor, TensorInfo } from '@xpu-hal/core/backend'
import type { LoadedModel, PipelinedRunner, WorkerInfo } from '@xpu-hal/host'
import { removeModel, writeModel } from './model-file.js'
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
  /** Made here, for the bytes of a model. It stays until the engine is closed: a lost instance is made anew from it. */
  readonly temporary: boolean
  readonly outputs: readonly TensorInfo[]
}

export function load(config: NpuRunnerConfig, model: Model): LoadedModel<ModelFile> {
  const temporary = model.kind === 'bytes'
  const path = temporary ? writeModel(model.bytes, model.name) : model.path
  try {
    const { inputs, outputs } = modelTensors(path, config.tensors)
    return { inputs, outputs, outputShapes: 'hint', shared: { path, temporary, outputs } }
  } catch (error) {
    if (temporary) removeModel(path)
    throw error
  }
}

export function open(config: NpuRunnerConfig, shared: ModelFile, _worker: WorkerInfo): PipelinedRunner {
  return new NpuRunner(config, shared.path, shared.outputs)
}

export function unload({ path, temporary }: ModelFile): void {
  if (temporary) removeModel(path)
}

export function borrow(loan: readonly Loan[]): Tensor[] {
  return loan.map(borrowTensor)
}

export { exitProcess, interrupt }
