import { HalError } from '@xpu-hal/core/backend'
import koffi from 'koffi'
import { numberOf, type OrtApi, type Pointer, resultOf } from './api.js'
import { details, OrtFailure } from './status.js'

const SUFFIX = 'ExecutionProvider'

/** What ONNX Runtime calls a provider, from what a user calls it: `cpu` and `CPUExecutionProvider` are the same. */
function sameProvider(name: string, full: string): boolean {
  const short = (text: string) => (text.endsWith(SUFFIX) ? text.slice(0, -SUFFIX.length) : text).toLowerCase()
  return short(name) === short(full)
}

export function isCpu(provider: string): boolean {
  return sameProvider(provider, 'CPU')
}

/** Full names of the execution providers that this build was made with; a device for each need not be there. */
export function availableProviders(api: OrtApi): string[] {
  const names = new BigUint64Array(new SharedArrayBuffer(8))
  const count = numberOf(api.GetAvailableProviders, names)
  const list = names[0] as Pointer
  try {
    return koffi.decode(list, 'str', count)
  } finally {
    api.ReleaseAvailableProviders(list, count)
  }
}

/**
 * Puts a provider first in the session options; the CPU takes what it does not.
 * @throws HalError HAL_UNAVAILABLE when this build, or this machine, does not have it.
 */
export function appendProvider(
  api: OrtApi,
  sessionOptions: Pointer,
  provider: string,
  settings: Readonly<Record<string, string>>,
): void {
  const available = availableProviders(api)
  const name = available.find((full) => sameProvider(provider, full))
  if (name === undefined) {
    throw new HalError(
      'HAL_UNAVAILABLE',
      `this build of ONNX Runtime has no execution provider '${provider}'; it has ${available.join(', ')}. ` +
        'Choose one of them, or name another build with ort({ library }).',
    )
  }
  if (isCpu(name)) {
    const [setting] = Object.keys(settings)
    if (setting === undefined) return
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `executionProviderOptions: the CPU has no '${setting}'; name the provider it is for with executionProvider`,
    )
  }
  const list: SettingList = [Object.keys(settings), Object.values(settings), Object.keys(settings).length]
  try {
    if (sameProvider(name, 'CUDA')) appendCuda(api, sessionOptions, list)
    else if (sameProvider(name, 'Tensorrt')) appendTensorRT(api, sessionOptions, list)
    else api.SessionOptionsAppendExecutionProvider(sessionOptions, name, ...list)
  } catch (error) {
    if (!(error instanceof OrtFailure)) throw error
    throw new HalError(
      'HAL_UNAVAILABLE',
      `execution provider '${provider}' cannot be used here: ${error.message} Check its driver and libraries, and ` +
        'executionProviderOptions, or choose another.',
      details(error),
    )
  }
}

/** Keys, values and their number, as the C API wants them. */
type SettingList = [keys: readonly string[], values: readonly string[], count: number]

// CUDA and TensorRT came before providers could be added by name, and have functions of their own.

function appendCuda(api: OrtApi, sessionOptions: Pointer, settings: SettingList): void {
  const options = resultOf(api.CreateCUDAOptions)
  try {
    api.UpdateCUDAOptions(options, ...settings)
    api.AppendCUDA(sessionOptions, options)
  } finally {
    api.ReleaseCUDAOptions(options)
  }
}

function appendTensorRT(api: OrtApi, sessionOptions: Pointer, settings: SettingList): void {
  const options = resultOf(api.CreateTensorRTOptions)
  try {
    api.UpdateTensorRTOptions(options, ...settings)
    api.AppendTensorRT(sessionOptions, options)
  } finally {
    api.ReleaseTensorRTOptions(options)
  }
}
