import type { DataType, Tensor } from '@xpu-hal/core'

/** An input or output of a graph. A string is a symbolic dimension, `''` one that is unknown and has no name. */
export interface OnnxValue {
  readonly name: string
  readonly dataType: DataType
  /** Missing where the graph does not even tell the rank. */
  readonly shape?: readonly (number | string)[]
}

/** A value of a node that is fixed in the model, tagged with its type. A `bigint` is an int beyond 2^53. */
export type OnnxAttribute =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly (number | bigint)[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor }
  | { readonly graph: OnnxGraph }

export interface OnnxNode {
  /** Name of the operator, for example `Conv`. */
  readonly op: string
  /** `''` stands for an optional input that is not given. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  readonly name?: string
  /** Operator set that `op` belongs to; missing: the one of ONNX itself. */
  readonly domain?: string
}

export interface OnnxGraph {
  readonly name: string
  /** What a caller provides. Initializers are not among them. */
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  /** Weights and other constants by name. */
  readonly initializers?: Readonly<Record<string, Tensor>>
  /** In an order in which they can be executed. */
  readonly nodes: readonly OnnxNode[]
}

export interface OnnxModel {
  readonly graph: OnnxGraph
  /** Version of ONNX's own operator set. */
  readonly opset: number
  /** Versions of other operator sets by domain. When encoding, one that nodes use and that is missing here gets 1. */
  readonly domains?: Readonly<Record<string, number>>
  /** Version of the file format; 8 when missing. */
  readonly irVersion?: number
  /** Name of the tool that made the model. */
  readonly producer?: string
  readonly metadata?: Readonly<Record<string, string>>
}
