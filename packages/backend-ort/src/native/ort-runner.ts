import { type Tensor, type TensorInfo } from '@xpu-hal/core/backend'
import type { Runner, RunnerAnswer, RunnerCall } from '@xpu-hal/host'
import koffi from 'koffi'
import { type OrtApi, type Pointer, resultOf } from './api.js'
import { cancelBlock } from './cancel.js'
import { Names } from './names.js'
import { LOG_FATAL } from './session.js'
import { OrtFailure, runError } from './status.js'
import { sessionTensors } from './type-info.js'
import { Values } from './values.js'

/** Runs a session that other threads may be running too. */
export class OrtRunner implements Runner {
  readonly cancelToken: Pointer
  private readonly runOptions: Pointer
  private readonly cancelBlock: BigUint64Array
  private readonly values: Values
  private readonly inputNames: Names
  private readonly outputNames: Names
  private readonly outputs: readonly TensorInfo[]
  private readonly inputValues: BigUint64Array
  private readonly outputValues: BigUint64Array
  /** Outputs whose shape in the model proved wrong: ONNX Runtime allocates them. */
  private readonly misdeclared = new Set<number>()

  constructor(
    private readonly api: OrtApi,
    private readonly session: Pointer,
  ) {
    const inputs = sessionTensors(api, session, 'Input')
    this.outputs = sessionTensors(api, session, 'Output')
    this.inputNames = new Names(inputs.map(({ name }) => name))
    this.outputNames = new Names(this.outputs.map(({ name }) => name))
    this.inputValues = pointers(inputs.length)
    this.outputValues = pointers(this.outputs.length)
    this.values = new Values(api)
    this.runOptions = resultOf(api.CreateRunOptions)
    api.RunOptionsSetRunLogSeverityLevel(this.runOptions, LOG_FATAL)
    this.cancelBlock = cancelBlock(api, this.runOptions)
    this.cancelToken = koffi.address(this.cancelBlock)
  }

  run(call: RunnerCall): RunnerAnswer {
    // A cancellation that came too late for the last run must not end this one.
    this.api.RunOptionsUnsetTerminate(this.runOptions)
    try {
      return this.attempt(call)
    } catch (error) {
      if (!(error instanceof OrtFailure)) throw error
      throw runError(error)
    }
  }

  close(): void {
    this.values.close()
    this.api.ReleaseRunOptions(this.runOptions)
  }

  private attempt(call: RunnerCall): RunnerAnswer {
    const { api, values, inputValues, outputValues } = this
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
      for (let i = 0; i < this.outputs.length; i++) {
        const tensor = call.outputs[i]
        if (tensor !== undefined && this.takesMemory(i)) outputValues[i] = values.wrap(tensor)
      }
      api.Run(
        this.session,
        this.runOptions,
        this.inputNames.pointers,
        inputValues,
        call.inputs.length,
        this.outputNames.pointers,
        this.outputs.length,
        outputValues,
      )
      const outputs = this.outputs.map(({ name }, i) => {
        const given = call.outputs[i]
        if (given !== undefined && this.takesMemory(i)) return given
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

  private takesMemory(output: number): boolean {
    return this.outputs[output]?.dataType !== 'string' && !this.misdeclared.has(output)
  }
}

function pointers(count: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(Math.max(1, count) * 8))
}
