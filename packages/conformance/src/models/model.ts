import type { DataType, Tensor, TensorInfo } from '@xpu-hal/core'

/** One operator of a model, in ONNX terms. */
export interface ModelNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

export interface Sample {
  readonly inputs: Readonly<Record<string, Tensor>>
  /** What a correct device answers, to the bit. */
  readonly outputs: Readonly<Record<string, Tensor>>
}

/** A model of the suite as data: its graph, and a right answer for every question asked of it. */
export interface ConformanceModel {
  readonly name: ModelName
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  readonly nodes: readonly ModelNode[]
  /** Inputs and expected outputs; another `seed` gives other values. */
  sample(seed: number): Sample
}

/** Names that a subject uses to replace a model with a file that its own compiler made. */
export type ModelName =
  | `identity-${DataType}`
  | 'scalar'
  | 'rank-8'
  | 'empty'
  | 'dynamic'
  | 'add'
  | 'add-dynamic'
  | 'several-outputs'
  | 'odd-input-name'
  | 'odd-output-name'
  | 'mid'
  | 'slow'
