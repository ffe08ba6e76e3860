import { HalError, type NumericData, type Tensor, type TensorInfo } from '@xpu-hal/core/backend'
import type { PipelinedRunner, RunnerAnswer, RunnerCall } from '@xpu-hal/host'
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
  /** It has the process for itself. */
  readonly alone: boolean
}

/** Runs a model on an instance of the runtime of its own. */
export class NpuRunner implements PipelinedRunner {
  private readonly runtime: Runtime
  private readonly inference: Inference
  private readonly calls: RunnerCall[] = []

  /** @param outputs empty when they are not known */
  constructor(
    { library: path, args, answerTimeout, quirks, extension, alone }: RuntimeSettings,
    model: string,
    private readonly outputs: readonly TensorInfo[],
  ) {
    this.runtime = Runtime.open(path, args, extension, model, alone)
    const { calls, name, version } = this.runtime.library
    this.inference =
      calls.kind === 'synchronous'
        ? new Synchronous(this.runtime, calls)
        : new Asynchronous(this.runtime, calls, { answerTimeout, ...quirksOf(name, version, quirks) })
  }

  /** For `interrupt`. */
  get cancelToken(): bigint {
    return this.runtime.interruption.token
  }

  get lost(): HalError | undefined {
    return this.inference.loss
  }

  send(call: RunnerCall): void {
    this.inference.send(call.inputNames, call.inputs)
    this.calls.push(call)
  }

  due(): number {
    return this.inference.due()
  }

  receive(): RunnerAnswer {
    const call = this.calls.shift() as RunnerCall
    return this.inference.receive((output, bytesCopied) => this.answer(call, output, bytesCopied))
  }

  close(): void {
    if (this.lost === undefined) this.runtime.close()
    else this.runtime.abandon()
  }

  private answer(
    { lend = false, outputs: given }: RunnerCall,
    output: NativeOutput,
    bytes: number,
  ): RunnerAnswer {
    const names = output.tensors.map(({ name }) => name)
    const known = this.outputs.length > 0
    const places = known ? this.places(names) : names.map((_, i) => i)
    const outputNames = known ? {} : { outputNames: names }
    if (lend && output.canLend) {
      return {
        outputs: [],
        ...outputNames,
        loan: places.map((place) => output.lend(place)),
        bytesCopied: bytes,
      }
    }
    const outputs = places.map((place, i): Tensor => output.copy(place, given[i]))
    const bytesCopied = outputs.reduce((sum, { data }) => sum + (data as NumericData).byteLength, bytes)
    return { outputs, ...outputNames, bytesCopied }
  }

  /** Where each output of the model is in the answer. */
  private places(names: readonly string[]): number[] {
    const places = this.outputs.map(({ name }) => names.indexOf(name))
    // A compiler may have renamed them all; then their order is what is left.
    if (names.length === places.length && places.every((place) => place === -1)) return names.map((_, i) => i)
    const missing = this.outputs[places.indexOf(-1)]
    if (missing === undefined) return places
    const message = `the answer has no output ${missing.name}; it has ${names.join(', ') || 'none'}`
    throw new HalError('HAL_DATA_LOSS', message)
  }
}
