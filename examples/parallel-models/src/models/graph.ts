import type { Tensor } from '@xpu-hal/core'
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxValue } from '@xpu-hal/onnx'

/** Puts a graph together node by node; values get names of their own. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = []
  readonly #initializers: Record<string, Tensor> = {}
  #values = 0

  /** Adds a node and gives the name of its output. A tensor among the inputs becomes a constant of the model. */
  add(
    op: string,
    inputs: readonly (string | Tensor)[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    return this.addMany(op, inputs, 1, attributes)[0] as string
  }

  addMany(
    op: string,
    inputs: readonly (string | Tensor)[],
    outputs: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string[] {
    const names = inputs.map((input) => (typeof input === 'string' ? input : this.#constant(input)))
    const results = Array.from({ length: outputs }, () => this.#name(op))
    this.#nodes.push({ op, inputs: names, outputs: results, attributes })
    return results
  }

  /** The finished graph, whose one output is `value` under the name that `output` gives it. */
  build(name: string, inputs: readonly OnnxValue[], value: string, output: OnnxValue): OnnxGraph {
    const nodes = [...this.#nodes, { op: 'Identity', inputs: [value], outputs: [output.name] }]
    return { name, inputs, outputs: [output], initializers: this.#initializers, nodes }
  }

  #constant(tensor: Tensor): string {
    const name = this.#name('constant')
    this.#initializers[name] = tensor
    return name
  }

  #name(kind: string): string {
    return `${kind.toLowerCase()}_${this.#values++}`
  }
}
