import { type DataType, HalError, type Tensor } from '@xpu-hal/core/backend'

/** The attributes of a node, by name. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>
export type AttributeValue =
  | number
  | bigint
  | string
  | readonly number[]
  | readonly bigint[]
  | readonly string[]
  | Tensor

/** One operator of the subset that the mock computes. */
export interface Operator {
  /** The attributes it understands. A node with another one is refused: ignoring it would give a wrong answer. */
  readonly attributes: readonly string[]
  /** Inputs that are left out are `undefined`. The results may share memory with the inputs. */
  evaluate(inputs: Operands, attributes: Attributes): Tensor
}

export class Operands {
  constructor(
    readonly operator: string,
    private readonly tensors: readonly (Tensor | undefined)[],
  ) {}

  get all(): readonly Tensor[] {
    return this.tensors.map((_, index) => this.at(index))
  }

  at(index: number): Tensor {
    const found = this.tensors[index]
    if (found === undefined) throw this.invalid(`input ${index} is missing`)
    return found
  }

  optional(index: number): Tensor | undefined {
    return this.tensors[index]
  }

  /** The elements of an int64 input, or undefined when it is left out. */
  integers(index: number): number[] | undefined {
    const found = this.tensors[index]
    if (found === undefined) return undefined
    if (found.dataType !== 'int64') throw this.invalid(`input ${index} must be int64, not ${found.dataType}`)
    return Array.from(found.data as BigInt64Array, Number)
  }

  invalid(message: string): HalError {
    return new HalError('HAL_INVALID_ARGUMENT', `operator ${this.operator}: ${message}`)
  }

  /** For a type that the operator, or the mock's version of it, does not take. */
  refused(dataType: DataType, what = 'does not take'): HalError {
    return unsupported(`operator ${this.operator}, which ${what} ${dataType}`)
  }
}

export function unsupported(what: string): HalError {
  return new HalError(
    'HAL_UNIMPLEMENTED',
    `the mock does not compute ${what}; with mock({ arithmetic: 'zeros' }) it simulates the time of any model and answers zeros`,
  )
}

export function integer(value: AttributeValue | undefined, otherwise: number): number {
  return value === undefined ? otherwise : Number(value)
}

export function integerList(value: AttributeValue | undefined): number[] | undefined {
  return Array.isArray(value) ? value.map(Number) : undefined
}
