import { HalError, type Tensor, type TensorInfo } from '@xpu-hal/core/backend'
import type { Runner, RunnerAnswer, RunnerCall } from '@xpu-hal/host'
import type { OrtApi, Pointer } from './api.js'
import { Cancellation } from './cancel.js'
import { Names } from './names.js'
import { OrtFailure, runError } from './status.js'
import { sessionTensors } from './type-info.js'
import { Values } from './values.js'

// The runtime has no code for it.
const WRONG_OUTPUT_SHAPE = /output ortvalue provided for output|shape verification failed/i

/** Runs a session that other threads may be running too. */
export class OrtRunner implements Runner {
  readonly cancelToken: Pointer
  private readonly cancellation: Cancellation
  private readonly values: Values
  private readonly inputNames: Names
  private readonly outputNames: Names
  private readonly outputs: readonly TensorInfo[]
  private readonly inputValues: BigUint64Array
  private readonly outputValues: BigUint64Array
  /** Outputs that take no memory of ours: strings, inputs that are outputs too, and those whose shape proved wrong. */
  private readonly allocated = new Set<number>()

  constructor(
    private readonly api: OrtApi,
    private readonly session: Pointer,
  ) {
    const inputs = sessionTensors(api, session, 'Input')
    this.outputs = sessionTensors(api, session, 'Output')
    this.inputNames = new Names(inputs.map(({ name }) => name))
    this.outputNames = new Names(this.outputs.map(({ name }) => name))
    for (const [i, { name, dataType }] of this.outputs.entries()) {
      // Where an input is an output too, ONNX Runtime succeeds and leaves memory given for it as it was.
      if (dataType === 'string' || inputs.some((input) => input.name === name)) this.allocated.add(i)
    }
    this.inputValues = pointers(inputs.length)
    this.outputValues = pointers(this.outputs.length)
    this.values = new Values(api)
    this.cancellation = new Cancellation(api)
    this.cancelToken = this.cancellation.token
  }

  run(call: RunnerCall): RunnerAnswer {
    if (!this.cancellation.begin(call.job)) throw new HalError('HAL_ABORTED', 'cancelled before it began')
    const refused = new Set<number>()
    // Each round without success refuses one output more.
    for (;;) {
      try {
        return this.attempt(call, refused)
      } catch (error) {
        if (!(error instanceof OrtFailure)) throw error
        const output = this.misshapenOutput(error, call, refused)
        if (output === undefined) throw runError(error)
        refused.add(output)
        if (sameShape(this.outputs[output]?.shape, call.outputs[output]?.shape)) this.allocated.add(output)
      }
    }
  }

  close(): void {
    this.values.close()
    this.cancellation.close()
  }

  private attempt(call: RunnerCall, refused: ReadonlySet<number>): RunnerAnswer {
    const { api, values, inputValues, outputValues } = this
    const memory = call.outputs.map((tensor, i) =>
      this.allocated.has(i) || refused.has(i) ? undefined : tensor,
    )
    let bytesCopied = 0
    inputValues.fill(0n)
    outputValues.fill(0n)
    try {
      for (let i = 0; i < call.inputs.length; i++) {
        const tensor = call.inputs[i] as Tensor
        if (tensor.dataType === 'string') {
          const copied = values.copyStrings(tensor)
          inputValues[i] = copied.value
          bytesCopied += copied.bytesCopied
        } else {
          inputValues[i] = values.wrap(tensor)
        }
      }
      for (let i = 0; i < memory.length; i++) {
        const tensor = memory[i]
        if (tensor !== undefined) outputValues[i] = values.wrap(tensor)
      }
      api.Run(
        this.session,
        this.cancellation.runOptions,
        this.inputNames.pointers,
        inputValues,
        call.inputs.length,
        this.outputNames.pointers,
        this.outputs.length,
        outputValues,
      )
      const outputs = this.outputs.map(({ name }, i) => {
        const given = memory[i]
        if (given !== undefined) return given
        const read = values.read(outputValues[i] as Pointer, name)
        bytesCopied += read.bytesCopied
        return read.tensor
      })
      return { outputs, bytesCopied }
    } finally {
      for (const value of inputValues) if (value !== 0n) api.ReleaseValue(value)
      for (const value of outputValues) if (value !== 0n) api.ReleaseValue(value)
    }
  }

  /** The output, not refused yet, whose memory has another shape than the run computed, if that is what `failure` says. */
  private misshapenOutput(
    failure: OrtFailure,
    call: RunnerCall,
    refused: ReadonlySet<number>,
  ): number | undefined {
    if (!WRONG_OUTPUT_SHAPE.test(failure.message)) return undefined
    const candidates = call.outputs.flatMap((tensor, i) =>
      tensor === undefined || this.allocated.has(i) || refused.has(i) ? [] : [i],
    )
    // Older builds do not name it.
    return candidates.find((i) => failure.message.includes(`'${this.outputs[i]?.name}'`)) ?? candidates[0]
  }
}

function sameShape(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((size, i) => size === b[i])
}

function pointers(count: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(Math.max(1, count) * 8))
}
