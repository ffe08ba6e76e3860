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
}

interface Flight {
  readonly call: RunnerCall
  readonly inference: Inference
}

/** Runs a model on an instance of the runtime of its own, and on a new one where that was lost. */
export class NpuRunner implements PipelinedRunner {
  private readonly flights: Flight[] = []
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

  send(call: RunnerCall): void {
    const inference = this.inference?.lost === false ? this.inference : this.start()
    inference.send(call.inputNames, call.inputs)
    this.flights.push({ call, inference })
  }

  due(): number {
    return this.flights[0]?.inference.due() ?? 0
  }

  receive(): RunnerAnswer {
    const { call, inference } = this.flights.shift() as Flight
    return inference.receive((output, bytesCopied) => this.answer(call, output, bytesCopied))
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
