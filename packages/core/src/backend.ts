/**
 * What a backend author implements. Core alone calls the `do` methods, with complete and validated arguments, in a legal
 * state: never a run before `doOpen` has resolved or after `doClose` was called.
 *
 * @packageDocumentation
 */
import type { DeviceInfo, DeviceStatus } from './device.js'
import type { HalError } from './errors.js'
import type { Logger } from './logger.js'
import type { Model, TensorInfo } from './model.js'
import type { Option, OptionValues } from './option.js'
import type { Tensor } from './tensor.js'

export { now } from './clock.js'
export { copyInPieces, PIECE } from './copy-in-pieces.js'
export type { Capabilities, Core, DeviceInfo, DeviceKind, DeviceStatus, Isolation } from './device.js'
export { HalError, type HalErrorCode, type HalErrorDetails, type NativeCall } from './errors.js'
export { type Logger, type LogLevel, silent } from './logger.js'
export type { Model, ModelSource, TensorInfo } from './model.js'
export { fromOnnxType, ONNX_TYPES } from './onnx-type.js'
export type { Option, OptionType, OptionValue, OptionValues } from './option.js'
export { suggest } from './suggest.js'
export * from './tensor.js'

/** The plug-in for one vendor runtime. */
export interface Backend {
  readonly specVersion: 1
  /** Short and lower-case; device ids begin with it. */
  readonly name: string
  readonly version: string
  /**
   * The devices this backend finds. Called once per HAL. An empty list, or a HalError, when there is none: the HAL goes
   * on with other backends and repeats the reason to whoever asks for a device.
   */
  doDevices(context: BackendContext): Promise<readonly DeviceDriver[]>
  /** Frees what `doDevices` took. All engines are closed by then. */
  doClose?(): Promise<void>
}

export interface BackendContext {
  readonly logger: Logger
}

/**
 * What happens to a device, or to an engine's own runtime. `lane`: only that lane of the engine; it gets no runs until it has
 * recovered, and runs that wait go to the others, or wait for it.
 */
export type DeviceEvent =
  | { readonly kind: 'lost'; readonly error: HalError; readonly lane?: number }
  | { readonly kind: 'recovered'; readonly lane?: number }

export interface DeviceDriver {
  readonly info: DeviceInfo
  /** The backend's own options, beside those every engine has. */
  readonly options: readonly Option[]
  /** Loads a model. May reject with any HalError; must not block the event loop. */
  doOpen(request: OpenRequest): Promise<EngineDriver>
  doStatus?(): DeviceStatus | Promise<DeviceStatus>
  /** Tells of the loss and the recovery of the device. Called once by core, at start. */
  doSubscribe?(listener: (event: DeviceEvent) => void): void
}

export interface OpenRequest {
  /** Id of the engine, for messages. */
  readonly engine: string
  /** Bytes are empty where `like` is a driver that keeps its model. */
  readonly model: Model
  readonly options: OptionValues
  /** The ids of the cores that `boundOption` allows, at least one. */
  readonly cores: readonly string[]
  /**
   * A driver of the same model with the same options that is open: of the engine that is being cloned, or of the same engine on
   * another device. What both can use (weights, tensor memory) should be shared. It stays open until `doOpen` has settled, and
   * may be closed before the driver that this gives.
   */
  readonly like?: EngineDriver
  readonly logger: Logger
}

/** A place where runs execute one after the other: one worker thread, one queue of the hardware. */
export interface Lane {
  /** Id of the core it works on. */
  readonly core: string
  /** How many runs it takes at once: 1, or more when it can hold the next ones at hand while it works. */
  readonly depth: number
}

/** Memory of its own kind that an engine's runtime reaches, for what SharedArrayBuffers cannot do. */
export interface TensorMemory {
  /**
   * So many zeros, aligned for every data type; freed when it is collected.
   * @throws HalError HAL_RESOURCE_EXHAUSTED
   */
  allocate(byteLength: number): ArrayBufferLike
  /** Whether the runtime sees what lies on this buffer. */
  reaches(buffer: ArrayBufferLike): boolean
}

/** A loaded model. */
export interface EngineDriver {
  /** Empty when the runtime does not tell. */
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  /**
   * `exact`: an answer of another shape than `outputs` says is damaged. `hint`: shapes in the model file may be wrong
   * and the runtime's answer counts.
   */
  readonly outputShapes: 'exact' | 'hint'
  /**
   * Where the tensors of a run must lie; core copies those that do not, and counts it. `shared`: on SharedArrayBuffers.
   */
  readonly memory: 'shared' | 'any' | TensorMemory
  readonly lanes: readonly Lane[]
  /** It uses the weights of the driver that it was opened `like`, instead of a copy; false when missing. */
  readonly sharesWeights?: boolean
  /**
   * A driver that is opened `like` this one needs no bytes of the model. Missing: core copies the bytes once the model is open,
   * because the caller may change them then, and holds them for as long as the engine and its clones.
   */
  readonly keepsModel?: boolean
  /**
   * Starts a run on lane `run.lane`, which has room. Must not block, unless the lane is inline. Ends with exactly one
   * call of `run.done`, `run.fail`, `run.giveBack` or `run.lose`, at any time, also from within `doRun`.
   */
  doRun(run: DriverRun): void
  /** Executes at once on the calling thread. Independent of the lanes. Throws a HalError on failure. */
  doRunSync?(request: SyncRequest): RunAnswer
  /** Takes back a run that has not begun. True: it is out, and neither `done` nor `fail` follows. */
  doRecall?(run: DriverRun): boolean
  /**
   * Tells that the engine's own runtime, or a lane of it, is gone (its worker died) or back; what holds for the device holds
   * for the whole runtime then. Runs in flight must still be answered, after the event. Called once by core, at start.
   */
  doSubscribe?(listener: (event: DeviceEvent) => void): void
  /** Best effort: stop a run that executes. It still ends with `done` or `fail`. */
  doCancel?(run: DriverRun): void
  /**
   * Frees everything once no call is executing. Runs that were abandoned by their callers may still be under way; wait
   * for them.
   */
  doClose(): Promise<void>
}

export interface SyncRequest {
  /** In the order of the driver's `inputs`; by name where those are not known. */
  readonly inputs: readonly Tensor[]
  readonly inputNames: readonly string[]
  /**
   * One for each of the driver's `outputs`: memory to write to, or `undefined` where the runtime must allocate. A tensor
   * whose shape is not that of the answer must be left alone; core then tells the caller.
   */
  readonly outputs: readonly (Tensor | undefined)[]
}

/**
 * One run on a lane. The driver may use its tensors until it has called `done`, `fail`, `giveBack` or `lose`, one of them
 * once; after `lose` it may go on.
 */
export interface DriverRun extends SyncRequest {
  readonly job: number
  readonly lane: number
  /**
   * Nobody but a callback will get the outputs: they may be views on memory of the runtime instead of the tensors of the
   * request. The memory is freed when the views are collected, never before.
   */
  readonly lend?: boolean
  done(answer: RunAnswer): void
  fail(error: unknown): void
  /** It has not begun, and will not here: it is queued again, before the others. */
  giveBack(): void
  /** As `fail`, but something may still read and write the tensors: their memory is not used for another run. */
  lose(error: unknown): void
}

export interface RunAnswer {
  /** In the order of the driver's `outputs`: the tensors of the request, or others that the runtime allocated. */
  readonly outputs: readonly Tensor[]
  /** Their names, only where the driver's `outputs` is empty because the runtime did not tell. */
  readonly outputNames?: readonly string[]
  /** Milliseconds of {@link now}: when execution began and when it was over. */
  readonly startedAt: number
  readonly endedAt: number
  /** Bytes of tensors that were copied on the way, strings included. */
  readonly bytesCopied: number
}
