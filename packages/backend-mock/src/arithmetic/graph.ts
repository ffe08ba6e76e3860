import { HalError, type Tensor, type TensorInfo } from '@xpu-hal/core/backend'
import type { OnnxGraph, OnnxNode, OnnxValue } from '@xpu-hal/onnx'
import { cast } from './cast.js'
import { constants } from './constants.js'
import { elementwise } from './elementwise.js'
import { layout } from './layout.js'
import { logic } from './logic.js'
import { matrix } from './matrix.js'
import { type Attributes, type AttributeValue, Operands, type Operator, unsupported } from './operator.js'
import { reduce } from './reduce.js'
import { countOf } from './shape.js'
import { elements, result } from './values.js'

const operators = new Map<string, Operator>(
  [elementwise, logic, layout, cast, constants, reduce, matrix].flatMap((family) => Object.entries(family)),
)

interface Step {
  readonly node: OnnxNode
  readonly operator: Operator
  readonly attributes: Attributes
}

/** Computes the outputs of a model from its inputs, each in order. The outputs may share memory with the inputs. */
export type Program = (inputs: readonly Tensor[]) => Tensor[]

/**
 * @throws HalError HAL_UNIMPLEMENTED for an operator, or a use of one, that the mock does not compute;
 * HAL_INVALID_ARGUMENT for a graph that reads what nothing computes.
 */
export function compile(graph: OnnxGraph): Program {
  const steps = graph.nodes.map(step)
  checkOrder(graph)
  return (inputs) => {
    const values = new Map<string, Tensor>(Object.entries(graph.initializers ?? {}))
    for (const [i, { name }] of graph.inputs.entries()) values.set(name, inputs[i] as Tensor)
    for (const { node, operator, attributes } of steps) {
      const operands = node.inputs.map((name) => values.get(name))
      const [output = ''] = node.outputs
      values.set(output, operator.evaluate(new Operands(node.op, operands), attributes))
    }
    return graph.outputs.map(({ name }) => values.get(name) as Tensor)
  }
}

function checkOrder(graph: OnnxGraph): void {
  // '' stands for an optional input that is left out.
  const known = new Set([
    '',
    ...graph.inputs.map(({ name }) => name),
    ...Object.keys(graph.initializers ?? {}),
  ])
  const check = (name: string, reader: string) => {
    if (known.has(name)) return
    throw new HalError('HAL_INVALID_ARGUMENT', `${reader} reads "${name}", which nothing before it computes`)
  }
  for (const { op, inputs, outputs } of graph.nodes) {
    for (const name of inputs) check(name, `operator ${op}`)
    for (const name of outputs) known.add(name)
  }
  for (const { name } of graph.outputs) check(name, `graph "${graph.name}"`)
}

function step(node: OnnxNode): Step {
  const { op, domain = '', outputs } = node
  const operator = operators.get(op)
  if (operator === undefined || !['', 'ai.onnx'].includes(domain)) {
    throw unsupported(`operator ${domain === '' ? op : `${domain}.${op}`}`)
  }
  if (outputs.length !== 1) throw unsupported(`operator ${op} with ${outputs.length} outputs`)
  const attributes: Record<string, AttributeValue> = {}
  for (const [name, attribute] of Object.entries(node.attributes ?? {})) {
    const [value] = Object.values(attribute) as (AttributeValue | OnnxGraph)[]
    if (!operator.attributes.includes(name) || 'graph' in attribute) {
      throw unsupported(`operator ${op} with the attribute "${name}"`)
    }
    attributes[name] = value as AttributeValue
  }
  return { node, operator, attributes }
}

/** Empty when not even the rank of every value is known. */
export function infosOf(values: readonly OnnxValue[]): readonly TensorInfo[] {
  const infos = values.map(({ name, dataType, shape = [] }) => ({
    name,
    dataType,
    shape: shape.map((dimension) => (typeof dimension === 'number' ? dimension : -1)),
  }))
  return values.every(({ shape }) => shape !== undefined) ? infos : []
}

/** Answers zeros of the declared shapes, with 1 for every dimension that is not known. */
export function zeros({ outputs }: OnnxGraph): Program {
  return () =>
    outputs.map(({ dataType, shape = [] }) => {
      const known = shape.map((dimension) => (typeof dimension === 'number' ? dimension : 1))
      return result(dataType, known, elements(dataType, countOf(known)))
    })
}
