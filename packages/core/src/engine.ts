import type { MessagePort } from 'node:worker_threads'
import type { CloneOptions } from './common-options.js'
import type { Device } from './device.js'
import type { HalError } from './errors.js'
import type { TensorInfo } from './model.js'
import type { OptionValues } from './option.js'
import type { Tensor } from './tensor.js'

/** Number of an accepted run. Rises with every run, is never reused, and no two engines of a process share one. */
export type JobId = number

/**
 * The inputs of a run: tensors by name, tensors in the order of `engine.inputs`, or one byte array with all inputs one
 * after the other (each of static shape, no strings). They are passed by reference: leave them unchanged until the run
 * has settled.
 */
export type Inputs = Readonly<Record<string, Tensor>> | readonly Tensor[] | Uint8Array

/** Tensors by output name, in the order of `engine.outputs`. */
export type Outputs = Record<string, Tensor>

export type Priority = 'low' | 'normal' | 'high'

/** What every call that can wait takes. */
export interface WaitOptions {
  /** Milliseconds until HAL_DEADLINE_EXCEEDED, waiting to be accepted included; 0 or missing: no limit. */
  readonly timeout?: number
  /** Aborts with HAL_ABORTED; the reason of the signal becomes the cause. */
  readonly signal?: AbortSignal
}

export interface RunOptions extends WaitOptions {
  /** Overrides the engine's `priority`. */
  readonly priority?: Priority
  /**
   * Tensors of the caller to write the outputs to, by name; the others are allocated. They are the ones returned. Where a
   * run was given up on while it executed, the device may write to them until the engine is closed.
   */
  readonly outputs?: Readonly<Record<string, Tensor>>
  /**
   * Overrides the engine's `repeatable`: where the worker is lost while it executes the run, it is executed once more instead
   * of failing with HAL_DEVICE_LOST. For models without a state, and inputs that nobody changes meanwhile.
   */
  readonly repeatable?: boolean
  /** Handed to the callback unchanged. */
  readonly userArg?: unknown
}

export interface BatchOptions extends WaitOptions {
  readonly priority?: Priority
  readonly repeatable?: boolean
  /** Output tensors of the caller for each item, in order. */
  readonly outputs?: readonly Readonly<Record<string, Tensor>>[]
}

/**
 * Called once for each run that succeeds, however it was submitted, on the event loop. `outputs` are valid until it
 * returns (until its promise settles, if it returns one), then recycled, unless somebody waits for the run. What it
 * throws goes to `engine.on('error')`, and nowhere else. Asynchronous callbacks overlap. For `runSync` it is called within
 * that call.
 */
export type RunCallback = (outputs: Outputs, userArg: unknown, job: JobId) => void | Promise<void>

/** Why a device was, or was not, chosen for an engine. */
export interface DeviceChoice {
  readonly device: string
  readonly taken: boolean
  readonly reason: string
}

/** The life of one run, in milliseconds of the machine's monotonic clock. */
export interface RunMetrics {
  readonly job: JobId
  readonly device: string
  /** Empty for a run that never got to one, and for `runSync`, which goes past them. */
  readonly core: string
  /** When it was handed to the engine, before it waited to be accepted. */
  readonly submittedAt: number
  /** When the core began, and when it was done. Missing when the run never reached it. */
  readonly startedAt?: number
  readonly endedAt?: number
  readonly settledAt: number
  readonly error?: HalError
}

export interface Percentiles {
  readonly count: number
  readonly min: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Counts since the engine was opened or since `resetStats`; times in milliseconds, percentiles within 2 %. */
export interface EngineStats {
  readonly accepted: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
  readonly timedOut: number
  /** Runs that were executed a second time because their worker was lost. */
  readonly repeated: number
  /** Refused with HAL_RESOURCE_EXHAUSTED before they were accepted. */
  readonly refused: number
  /** Exceptions thrown by callbacks. */
  readonly callbackErrors: number
  /** Answers for runs that had settled already, or that nobody had asked for. */
  readonly strayAnswers: number
  /** Bytes of tensors copied between submission and answer, in both directions. */
  readonly bytesCopied: number
  /** Accepted runs that have not settled, now. */
  readonly load: number
  /** From submission to the start on a core, and from start to end there. */
  readonly queueWait: Percentiles
  readonly run: Percentiles
  /** Rows of each execution, with the option `batching`; nothing is counted without it. */
  readonly batchSize: Percentiles
  /** From submission to settlement. */
  readonly latency: Percentiles
}

/** A listener that throws disturbs neither the others nor the engine: what it threw is logged. */
export interface EngineEvents {
  /** A callback threw, a run failed that had only a callback, or the device gave a stray answer. */
  error: (error: HalError) => void
  /** A run has settled. */
  run: (metrics: RunMetrics) => void
  /**
   * The device is gone, and runs in flight and queued fail; or only a core of the engine: runs in flight there fail, and the
   * others wait or go elsewhere.
   */
  lost: (error: HalError) => void
  /** The device, or the core, is back; the engine serves there again. */
  recovered: () => void
}

/** What `engine.share` gives, to be transferred to another thread. */
export type EngineHandle = MessagePort

/**
 * A model loaded on a device, ready to run. All methods belong to the thread that opened it. Every accepted run
 * settles exactly once; `load` counts those that have not.
 */
export interface Engine extends AsyncDisposable {
  readonly id: string
  readonly model: string
  /** The device it is on; with several, the first of {@link devices}. */
  readonly device: Device
  readonly devices: readonly Device[]
  readonly selection: readonly DeviceChoice[]
  /** As they were given, with the defaults, and what was chosen for `workers`, `maxLoad` and `bufferCount`. */
  readonly options: OptionValues
  /**
   * What the model takes, in order. Where the runtime does not tell it is empty, any tensors are taken by name, and the first
   * run that succeeds teaches it: names, order, data types and ranks, each dimension -1. Later runs are checked against it.
   */
  readonly inputs: readonly TensorInfo[]
  /**
   * What the model gives, in order; learned like the inputs where the runtime does not tell. What was learned is no promise
   * then: an answer with other outputs is given as it came.
   */
  readonly outputs: readonly TensorInfo[]
  /** It was made by `clone`, and uses the very weights of the engine it was cloned from instead of a copy. */
  readonly sharesWeights: boolean
  /** Bytes of all inputs (outputs) together; `undefined` when a shape is dynamic or strings are among them. */
  readonly inputSize: number | undefined
  readonly outputSize: number | undefined
  readonly load: number

  /**
   * One inference. Waits while `load >= maxLoad`, in order. The outputs belong to the caller.
   * @throws HalError with every code that applies to a run; TypeError when `inputs` is missing.
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Outputs>
  /** One inference on the calling thread, past the queue; the event loop stands still meanwhile. */
  runSync(inputs: Inputs, options?: Pick<RunOptions, 'outputs' | 'userArg'>): Outputs
  /**
   * Submits a run; resolves with its id as soon as it is accepted. Waits while `load >= maxLoad`, in order.
   * @throws HalError HAL_RESOURCE_EXHAUSTED when `maxWaiting` others wait, or 1,024 finished runs were never collected.
   */
  runAsync(inputs: Inputs, userArg?: unknown, options?: RunOptions): Promise<JobId>
  /**
   * Submits a run or throws HAL_RESOURCE_EXHAUSTED at once: when `load >= maxLoad`, when others wait already, or when 1,024
   * finished runs were never collected.
   */
  tryRunAsync(inputs: Inputs, userArg?: unknown, options?: RunOptions): JobId
  /**
   * The outputs of a submitted run, which then belong to the caller; rejects with the run's own error if it failed.
   * A job can be collected once. A timeout or signal ends the waiting, not the run: it can be waited for again.
   * @throws HalError HAL_NOT_FOUND for an id that is unknown, collected, or delivered to the callback;
   * HAL_FAILED_PRECONDITION when somebody waits for it already, or inside its own callback.
   */
  wait(job: JobId, options?: WaitOptions): Promise<Outputs>
  /** One callback an engine; a second call replaces it, `null` removes it. Holds for runs submitted afterwards. */
  registerCallback(callback: RunCallback | null): void
  /**
   * Runs every item, keeping the device full, and gives one result an item, in order: outputs, or its own error. It
   * rejects only for what is wrong with the call itself.
   */
  runBatch(items: readonly Inputs[], options?: BatchOptions): Promise<PromiseSettledResult<Outputs>[]>
  /** Runs items as they come and yields outputs in their order, a bounded number ahead. A failed run throws. */
  stream(
    items: Iterable<Inputs> | AsyncIterable<Inputs>,
    options?: Omit<RunOptions, 'outputs'>,
  ): AsyncGenerator<Outputs, void, void>
  /**
   * A tensor for the input or output of that name, in memory that the engine passes by reference.
   * `shape` is needed where the model's is dynamic.
   */
  allocate(name: string, shape?: readonly number[]): Tensor
  stats(): EngineStats
  resetStats(): void
  /**
   * Another engine for the same model on the same device, with the options of this one but for those given: with a queue,
   * callback, statistics and life of its own. It shares the weights where the runtime can (`sharesWeights` says so) and
   * loads the model once more where it cannot: a model file has to be there still, and unchanged; bytes are kept. Either may
   * be closed first.
   * @throws HalError HAL_FAILED_PRECONDITION once this engine is closed or closing; HAL_DEVICE_LOST; what opening throws.
   */
  clone(options?: CloneOptions, wait?: WaitOptions): Promise<Engine>
  /**
   * A handle with which another thread of this process uses this engine: send it in the transfer list of `postMessage` or
   * of a new Worker, and give it to `connectEngine` there. One handle serves one thread. Whoever has it uses the same queue,
   * jobs, callback and statistics; tensors on SharedArrayBuffers cross by reference.
   */
  share(): EngineHandle
  on<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): this
  off<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): this
  /**
   * Takes no more runs, lets the accepted ones settle, then frees everything. Idempotent: every call gives the same
   * promise. With a timeout, runs that are still unsettled then fail with HAL_ABORTED, and the promise rejects with
   * HAL_DEADLINE_EXCEEDED if the runtime does not let go within it. Results not yet collected can still be waited for.
   */
  close(options?: Pick<WaitOptions, 'timeout'>): Promise<void>
}
