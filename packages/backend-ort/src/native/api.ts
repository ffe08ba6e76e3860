import koffi, { type TypeObject } from 'koffi'
import { OrtFailure } from './status.js'

const POINTER = 'void *'
/** `ORTCHAR_T`: wide on Windows. */
const PATH = process.platform === 'win32' ? 'str16' : 'str'

/**
 * The functions of `OrtApi` that give an `OrtStatus`: their place in the table, then their arguments. The table only
 * ever grows, so a place holds for every build of at least {@link API_VERSION}. Places and arguments as in
 * onnxruntime_c_api.h of ONNX Runtime 1.30.
 */
const statusFunctions = {
  CreateEnv: [3, 'int', 'str', POINTER],
  CreateSession: [7, POINTER, PATH, POINTER, POINTER],
  CreateSessionFromArray: [8, POINTER, POINTER, 'size_t', POINTER, POINTER],
  Run: [9, POINTER, POINTER, POINTER, POINTER, 'size_t', POINTER, 'size_t', POINTER],
  CreateSessionOptions: [10, POINTER],
  SetOptimizedModelFilePath: [11, POINTER, PATH],
  SetSessionExecutionMode: [13, POINTER, 'int'],
  EnableProfiling: [14, POINTER, PATH],
  SetSessionLogSeverityLevel: [22, POINTER, 'int'],
  SetSessionGraphOptimizationLevel: [23, POINTER, 'int'],
  SetIntraOpNumThreads: [24, POINTER, 'int'],
  SetInterOpNumThreads: [25, POINTER, 'int'],
  SessionGetInputCount: [30, POINTER, POINTER],
  SessionGetOutputCount: [31, POINTER, POINTER],
  SessionGetInputTypeInfo: [33, POINTER, 'size_t', POINTER],
  SessionGetOutputTypeInfo: [34, POINTER, 'size_t', POINTER],
  SessionGetInputName: [36, POINTER, 'size_t', POINTER, POINTER],
  SessionGetOutputName: [37, POINTER, 'size_t', POINTER, POINTER],
  CreateRunOptions: [39, POINTER],
  RunOptionsSetRunLogSeverityLevel: [41, POINTER, 'int'],
  RunOptionsSetTerminate: [46, POINTER],
  RunOptionsUnsetTerminate: [47, POINTER],
  CreateTensorAsOrtValue: [48, POINTER, POINTER, 'size_t', 'int', POINTER],
  CreateTensorWithDataAsOrtValue: [49, POINTER, POINTER, 'size_t', POINTER, 'size_t', 'int', POINTER],
  GetTensorMutableData: [51, POINTER, POINTER],
  FillStringTensor: [52, POINTER, POINTER, 'size_t'],
  GetStringTensorDataLength: [53, POINTER, POINTER],
  GetStringTensorContent: [54, POINTER, POINTER, 'size_t', POINTER, 'size_t'],
  CastTypeInfoToTensorInfo: [55, POINTER, POINTER],
  GetOnnxTypeFromTypeInfo: [56, POINTER, POINTER],
  GetTensorElementType: [60, POINTER, POINTER],
  GetDimensionsCount: [61, POINTER, POINTER],
  GetDimensions: [62, POINTER, POINTER, 'size_t'],
  GetTensorTypeAndShape: [65, POINTER, POINTER],
  CreateCpuMemoryInfo: [69, 'int', 'int', POINTER],
  AllocatorFree: [76, POINTER, POINTER],
  GetAllocatorWithDefaultOptions: [78, POINTER],
  GetAvailableProviders: [125, POINTER, POINTER],
  ReleaseAvailableProviders: [126, POINTER, 'int'],
  AddSessionConfigEntry: [130, POINTER, 'str', 'str'],
  AppendTensorRT: [170, POINTER, POINTER],
  CreateTensorRTOptions: [171, POINTER],
  UpdateTensorRTOptions: [172, POINTER, 'str *', 'str *', 'size_t'],
  AppendCUDA: [204, POINTER, POINTER],
  CreateCUDAOptions: [205, POINTER],
  UpdateCUDAOptions: [206, POINTER, 'str *', 'str *', 'size_t'],
  SessionOptionsAppendExecutionProvider: [216, POINTER, 'str', 'str *', 'str *', 'size_t'],
  GetResizedStringTensorElementBuffer: [252, POINTER, 'size_t', 'size_t', POINTER],
} as const

/** The functions that free what the others made. They take null and cannot fail. */
const releaseFunctions = {
  ReleaseEnv: 92,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseRunOptions: 97,
  ReleaseTypeInfo: 98,
  ReleaseTensorTypeAndShapeInfo: 99,
  ReleaseSessionOptions: 100,
  ReleaseTensorRTOptions: 174,
  ReleaseCUDAOptions: 208,
} as const

/** `TensorTypeAndShape_HasShape`, since API version 24. */
const HAS_SHAPE = 390

/** The lowest API version that has every function above and `session.disable_cpu_ep_fallback`: ONNX Runtime 1.16. */
export const API_VERSION = 16

/** A native pointer; 0n is null. A number of the whole process: every thread may use it. */
export type Pointer = bigint

export type NativeArgument = Pointer | number | string | readonly string[] | ArrayBufferView

/** Throws an {@link OrtFailure} when the call does not succeed; the status is released. */
export type StatusFunction = (...args: NativeArgument[]) => void
export type ReleaseFunction = (object: Pointer) => void

export type OrtApi = { readonly [Name in keyof typeof statusFunctions]: StatusFunction } & {
  readonly [Name in keyof typeof releaseFunctions]: ReleaseFunction
} & {
  /** Whether a type tells a shape, or at least a rank. Builds before 1.24 cannot say, and are believed. */
  readonly hasShape: (typeAndShape: Pointer) => boolean
  /** Addresses of two functions, for a thread that has no table of its own. */
  readonly addresses: { readonly setTerminate: Pointer; readonly releaseStatus: Pointer }
}

/**
 * Makes the functions of the table at `table` callable on this thread. Needs the library to stay loaded.
 * @param version API version of the build, at least {@link API_VERSION}
 */
export function bindApi(table: Pointer, version: number): OrtApi {
  const address = (slot: number): Pointer => koffi.decode(table, slot * koffi.sizeof(POINTER), POINTER)
  // One type for all functions of a signature: koffi never frees types, not even when their thread ends.
  const types = new Map<string, TypeObject>()
  const typeOf = (result: string, args: readonly string[]): TypeObject => {
    const signature = [result, ...args].join()
    const type = types.get(signature) ?? koffi.proto(result, [...args])
    types.set(signature, type)
    return type
  }
  const bind = (slot: number, result: string, args: readonly string[]) =>
    koffi.decode(address(slot), typeOf(result, args))

  const code: (status: Pointer) => number = bind(1, 'int', [POINTER])
  const message: (status: Pointer) => string = bind(2, 'str', [POINTER])
  const releases = Object.entries(releaseFunctions).map(([name, slot]) => [
    name,
    bind(slot, 'void', [POINTER]),
  ])
  const releaseStatus: ReleaseFunction = bind(releaseFunctions.ReleaseStatus, 'void', [POINTER])

  const statuses = Object.entries(statusFunctions).map(([name, [slot, ...args]]) => {
    const native: (...args: NativeArgument[]) => Pointer | null = bind(slot, POINTER, args)
    const checked: StatusFunction = (...values) => {
      const status = native(...values)
      if (status === null) return
      const failure = new OrtFailure(name, code(status), message(status))
      releaseStatus(status)
      throw failure
    }
    return [name, checked]
  })
  const addresses = {
    setTerminate: address(statusFunctions.RunOptionsSetTerminate[0]),
    releaseStatus: address(releaseFunctions.ReleaseStatus),
  }
  const hasShape = version < 24 ? () => true : bind(HAS_SHAPE, 'bool', [POINTER])
  return { ...Object.fromEntries([...statuses, ...releases]), hasShape, addresses } as OrtApi
}

// On shared memory, because small arrays on the JavaScript heap can move.
const result = new BigUint64Array(new SharedArrayBuffer(8))

/** Calls a function whose last argument is a place for its result: a pointer, a size, or an int that is not negative. */
export function resultOf(call: StatusFunction, ...args: NativeArgument[]): Pointer {
  result[0] = 0n
  call(...args, result)
  return result[0]
}

/** The same for numbers. */
export function numberOf(call: StatusFunction, ...args: NativeArgument[]): number {
  return Number(resultOf(call, ...args))
}
