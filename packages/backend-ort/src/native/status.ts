import { HalError, type HalErrorCode, type NativeCall } from '@xpu-hal/core/backend'

/** `OrtErrorCode` of onnxruntime_c_api.h, by number. */
const ERROR_CODES = [
  'ORT_OK',
  'ORT_FAIL',
  'ORT_INVALID_ARGUMENT',
  'ORT_NO_SUCHFILE',
  'ORT_NO_MODEL',
  'ORT_ENGINE_ERROR',
  'ORT_RUNTIME_EXCEPTION',
  'ORT_INVALID_PROTOBUF',
  'ORT_MODEL_LOADED',
  'ORT_NOT_IMPLEMENTED',
  'ORT_INVALID_GRAPH',
  'ORT_EP_FAIL',
  'ORT_MODEL_LOAD_CANCELED',
  'ORT_MODEL_REQUIRES_COMPILATION',
  'ORT_NOT_FOUND',
] as const

/** What an `OrtStatus` said. The status itself is released by then. */
export class OrtFailure extends Error {
  readonly native: NativeCall

  constructor(call: string, code: number, message: string) {
    super(message.trim())
    this.native = { call, status: ERROR_CODES[code] ?? code }
  }

  is(...codes: (typeof ERROR_CODES)[number][]): boolean {
    return (codes as unknown[]).includes(this.native.status)
  }
}

// These have no code of their own: they come as ORT_FAIL or ORT_RUNTIME_EXCEPTION, known by their wording.
const OUT_OF_MEMORY = /bad_alloc|failed to allocate memory|out of memory/i
const TERMINATED = /terminate flag/i
const UNKNOWN_OPERATOR =
  /is not a registered function\/op|could not find an implementation|no op(?:erator)? registered|no schema registered/i
const NO_FALLBACK = /fallback to cpu ep has been explicitly disabled/i
const OPSET = /opset|model ir version/i

/** The error of a model that does not load. */
export function loadError(failure: OrtFailure, model: string): HalError {
  const [code, advice] = loadAdvice(failure)
  return new HalError(code, `${model}: ${advice} ONNX Runtime says: ${failure.message}`, details(failure))
}

function loadAdvice(failure: OrtFailure): [HalErrorCode, string] {
  const { message } = failure
  if (OUT_OF_MEMORY.test(message)) {
    return ['HAL_RESOURCE_EXHAUSTED', 'there is not enough memory for the model; close other engines.']
  }
  if (failure.is('ORT_INVALID_PROTOBUF')) {
    return [
      'HAL_INVALID_ARGUMENT',
      'this is not an ONNX model, or it is damaged; export or download it again.',
    ]
  }
  if (failure.is('ORT_NOT_IMPLEMENTED') || UNKNOWN_OPERATOR.test(message)) {
    const advice =
      'an operator of the model is not supported by this build; export it with standard operators.'
    return ['HAL_UNIMPLEMENTED', advice]
  }
  if (NO_FALLBACK.test(message)) {
    const advice =
      'the execution provider does not take all of the model; allow the CPU to help with useOrt: true.'
    return ['HAL_UNAVAILABLE', advice]
  }
  if (failure.is('ORT_NO_SUCHFILE')) return ['HAL_NOT_FOUND', 'a file of the model is missing.']
  if (OPSET.test(message)) {
    const advice =
      'this build is too old for the model; export it for a lower opset, or update onnxruntime-node.'
    return ['HAL_INVALID_ARGUMENT', advice]
  }
  if (failure.is('ORT_EP_FAIL'))
    return ['HAL_UNAVAILABLE', 'the execution provider does not take this model.']
  return [
    'HAL_INVALID_ARGUMENT',
    'the model is not valid; check it with the ONNX checker and export it again.',
  ]
}

/** The error of a run. */
export function runError(failure: OrtFailure): HalError {
  return new HalError(runCode(failure), `${failure.native.call} failed: ${failure.message}`, details(failure))
}

function runCode(failure: OrtFailure): HalErrorCode {
  if (TERMINATED.test(failure.message)) return 'HAL_ABORTED'
  if (OUT_OF_MEMORY.test(failure.message)) return 'HAL_RESOURCE_EXHAUSTED'
  if (failure.is('ORT_INVALID_ARGUMENT')) return 'HAL_INVALID_ARGUMENT'
  if (failure.is('ORT_NOT_IMPLEMENTED')) return 'HAL_UNIMPLEMENTED'
  return 'HAL_INTERNAL'
}

export function details(failure: OrtFailure) {
  return { native: failure.native, cause: failure }
}
