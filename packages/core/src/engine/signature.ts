import type { EngineDriver, RunAnswer, SyncRequest } from '../backend.js'
import { HalError } from '../errors.js'
import type { TensorInfo } from '../model.js'
import type { Tensor } from '../tensor.js'
import type { OutputSet } from './memory.js'

/** What a model takes and gives: as its driver tells, else as the first run that succeeded had it. */
export class Signature {
  inputs: readonly TensorInfo[]
  outputs: readonly TensorInfo[]
  /** Called when something was learned. */
  readonly watchers = new Set<() => void>()
  /** Which of the two the driver itself tells. */
  readonly tells: { readonly inputs: boolean; readonly outputs: boolean }

  constructor({ inputs, outputs }: Pick<EngineDriver, 'inputs' | 'outputs'>) {
    this.inputs = inputs
    this.outputs = outputs
    this.tells = { inputs: inputs.length > 0, outputs: outputs.length > 0 }
  }

  /** Takes over what a run that succeeded tells, where nothing is known yet. Sizes may be others next time. */
  learn({ inputs, inputNames }: Pick<SyncRequest, 'inputs' | 'inputNames'>, answer: RunAnswer): void {
    const { outputs, outputNames = [] } = answer
    const before = this.inputs.length + this.outputs.length
    if (this.inputs.length === 0) this.inputs = infosOf(inputNames, inputs)
    if (this.outputs.length === 0 && new Set(outputNames).size === outputNames.length) {
      this.outputs = infosOf(outputNames, outputs)
    }
    if (this.inputs.length + this.outputs.length > before) for (const tell of this.watchers) tell()
  }

  /**
   * The answer with its outputs in the order of `outputs`. An answer with other outputs than the first run had stays as
   * it is: one run is no promise of what a model can give.
   * @throws HalError HAL_INVALID_ARGUMENT when the caller has given tensors for outputs that are not in it
   */
  inOrder(answer: RunAnswer, callerOutputs: OutputSet | undefined): RunAnswer {
    if (this.tells.outputs || this.outputs.length === 0) return answer
    const { outputs, outputNames = [] } = answer
    const places = this.outputs.map(({ name }) => outputNames.indexOf(name))
    if (outputNames.length === places.length && !places.includes(-1)) {
      const names = this.outputs.map(({ name }) => name)
      return { ...answer, outputs: places.map((place) => outputs[place] as Tensor), outputNames: names }
    }
    if (callerOutputs?.some((tensor) => tensor !== undefined) !== true) return answer
    const came = outputNames.map((name) => `'${name}'`).join(', ') || 'none'
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `the answer has other outputs than the first successful run, which your tensors are for: ${came}. Leave outputs away`,
    )
  }

  /** The error of a check against `inputs`, which says where they are from. */
  explain(error: unknown): unknown {
    if (this.tells.inputs || this.inputs.length === 0) return error
    if (!HalError.isInstance(error) || error.code !== 'HAL_INVALID_ARGUMENT') return error
    const source = 'the runtime does not tell its inputs, so the first successful run taught them'
    return new HalError(error.code, `${error.message} (${source})`, { cause: error })
  }
}

function infosOf(names: readonly string[], tensors: readonly Tensor[]): TensorInfo[] {
  return tensors.map(({ dataType, shape }, i) => ({
    name: names[i] as string,
    dataType,
    shape: shape.map(() => -1),
  }))
}
