import { HalError, type NumericData, type Tensor, type TensorInfo } from '@xpu-hal/core/backend'
import type { Runner, RunnerAnswer, RunnerCall } from '@xpu-hal/host'
import type { InitArgs } from '../config.js'
import { type Quirks, quirksOf } from '../quirks.js'
import { Asynchronous } from './asynchronous.js'
import type { Inference } from './inference.js'
import type { NativeOutput } from './output.js'
import { Runtime } from './runtime.js'
import { Synchronous } from './synchronous.js'

export interface RuntimeSettings {
  readonly library: string
  readonly args: InitArgs
  /** Milliseconds. */
  readonly answerTimeout: number
  readonly quirks: Partial<Quirks>
  readonly extension: boolean
}

/** Runs a model on an instance of the runtime of its own, and on a new one where that was lost. */
export class NpuRunner implements Runner {
  private runtime: Runtime | undefined
  private inference: Inference | undefined

  /** @param outputs empty when they are not known */
  constructor(
    private readonly settings: RuntimeSettings,
    private readonly model: string,
    private readonly outputs: readonly TensorInfo[],
  ) {
    this.start()
  }

  run({ inputs, inputNames, outputs }: RunnerCall): RunnerAnswer {
    const inference = this.inference?.lost === false ? this.inference : this.start()
    return inference.infer(inputNames, inputs, (output, bytesCopied) => {
      const answer = this.outputs.length === 0 ? all(output) : this.inOrder(output, outputs)
      const bytes = answer.outputs.reduce(
        (sum, { data }) => sum + (data as NumericData).byteLength,
        bytesCopied,
      )
      return { ...answer, bytesCopied: bytes }
    })
  }

  close(): void {
    const { runtime, inference } = this
    this.runtime = undefined
    if (inference?.lost === true) runtime?.abandon()
    else runtime?.close()
  }

  private start(): Inference {
    const { library: path, args, answerTimeout, quirks, extension } = this.settings
    const old = this.runtime
    this.runtime = undefined
    this.inference = undefined
    // First, because the hardware may serve one at a time.
    old?.abandon()
    const runtime = Runtime.open(path, args, extension, this.model)
    const { calls, name, version } = runtime.library
    const inference =
      calls.kind === 'synchronous'
        ? new Synchronous(runtime, calls)
        : new Asynchronous(runtime, calls, { answerTimeout, ...quirksOf(name, version, quirks) })
    this.runtime = runtime
    this.inference = inference
    return inference
  }

  private inOrder(output: NativeOutput, given: readonly (Tensor | undefined)[]): { outputs: Tensor[] } {
    const names = output.tensors.map(({ name }) => name)
    const places = this.outputs.map(({ name }) => names.indexOf(name))
    // A compiler may have renamed them all; then their order is what is left.
    const renamed = names.length === places.length && places.every((place) => place === -1)
    const outputs = places.map((place, i) => {
      if (place !== -1) return output.copy(place, given[i])
      if (renamed) return output.copy(i, given[i])
      const message = `the answer has no output ${this.outputs[i]?.name}; it has ${names.join(', ') || 'none'}`
      throw new HalError('HAL_DATA_LOSS', message)
    })
    return { outputs }
  }
}

function all(output: NativeOutput): { outputs: Tensor[]; outputNames: string[] } {
  return {
    outputs: output.tensors.map((_, i) => output.copy(i, undefined)),
    outputNames: output.tensors.map(({ name }) => name),
  }
}
