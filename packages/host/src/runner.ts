import type { HalError, Model, Tensor, TensorInfo } from '@xpu-hal/core/backend'

/**
 * What the module of a backend's runner exports, by name: `load`, `open`, and if needed `unload` and `cancel`. The same
 * module is imported by every worker, and by the main thread for `inline` runs and for `cancel`.
 *
 * `Config` and `Shared` must survive structured cloning; a native pointer crosses threads as a bigint.
 */
export interface RunnerModule<Config = unknown, Shared = unknown> {
  /**
   * Loads the model, once for the engine and all that are opened like it, on the thread of the first worker; in processes once
   * for each. Bytes of a model are not kept: what is needed
   * of them later has to be in what it returns.
   */
  load(config: Config, model: Model): LoadedModel<Shared> | Promise<LoadedModel<Shared>>
  /** Opens a runner on the thread where it will work. `shared` is what `load` gave. */
  open(config: Config, shared: Shared, worker: WorkerInfo): AnyRunner | Promise<AnyRunner>
  /**
   * Frees what `load` took, after every runner of every engine that uses it was closed; on any thread.
   * Where a worker was left behind in a call: when that has come back, perhaps never.
   */
  unload?(shared: Shared): void
  /**
   * Asks the run of `job` that executes under this token to stop. Called on the main thread while the worker has that
   * run in its hands: perhaps just before it enters `run`, or just after it has left it. The worker does not go on to
   * another run before this has returned, so what the token points to stays valid.
   */
  cancel?(token: bigint, job: number): void
  /**
   * Called on the main thread when a call has not come back for `limits.interrupt`. Must not block. Where the runtime can be
   * made to let go of the call, the runner throws then and says that it is lost.
   */
  interrupt?(token: bigint): void
  /** Ends the process without waiting for threads, as `_exit` of the C library does. Called where a call never comes back. */
  exitProcess?(code: number): void
  /**
   * Makes tensors of what `run` gave as `loan`, in the order of the model's outputs, without a copy. Called on the main
   * thread, once for each loan, also where nobody waits for the run any more. The memory has to be freed when the tensors
   * are collected.
   */
  borrow?(loan: unknown): readonly Tensor[]
}

export interface LoadedModel<Shared> {
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  readonly outputShapes: 'exact' | 'hint'
  readonly shared: Shared
}

export interface WorkerInfo {
  /** Position among the workers of the engine, from 0; -1 for the inline runner of `runSync`. */
  readonly index: number
  /** Id of the core it works on. */
  readonly core: string
}

export type AnyRunner = Runner | PipelinedRunner

interface RunnerLife {
  /**
   * Set when the runner cannot go on: what was sent to it is received (it throws), then it is closed and another is opened
   * in its place, on the same thread.
   */
  readonly lost?: HalError | undefined
  /** Frees what `open` took. */
  close(): void
  /** Stands for the run in progress in `cancel`. A pointer, for example. */
  readonly cancelToken?: bigint
}

/** Executes runs one after the other on one thread. */
export interface Runner extends RunnerLife {
  /**
   * One inference; blocks until it is over. Throws on failure, a HalError where it can say what happened; the runner
   * must be ready for the next call afterwards.
   */
  run(call: RunnerCall): RunnerAnswer
}

/** For a runtime that takes several inferences at once, and answers in their order: `HostOptions.depth` of them. */
export interface PipelinedRunner extends RunnerLife {
  /** Hands an inference to the runtime. Throws where it is refused; it is not received then. */
  send(call: RunnerCall): void
  /**
   * Milliseconds until it is time to call `receive`; 0 or less is now. The worker waits for other runs to send meanwhile,
   * so it is asked only where there is room for one.
   */
  due(): number
  /** The answer to the oldest call that was sent; blocks until it is there. Throws where that one failed. */
  receive(): RunnerAnswer
}

export interface RunnerCall {
  readonly job: number
  /** In the order of the model's inputs; valid until `run` returns. Views on SharedArrayBuffers, except strings. */
  readonly inputs: readonly Tensor[]
  readonly inputNames: readonly string[]
  /** One for each output of the model: memory to write to, or `undefined` where the runner allocates. */
  readonly outputs: readonly (Tensor | undefined)[]
  /** The answer may be a `loan`. */
  readonly lend?: boolean
}

export interface RunnerAnswer {
  /** In the order of the model's outputs: tensors of the call, or new ones (on a SharedArrayBuffer for no further copy). */
  readonly outputs: readonly Tensor[]
  /**
   * In place of `outputs`, which is empty then, where the call says `lend`: outputs in memory of the runtime, for `borrow`
   * of the module. Must survive structured cloning.
   */
  readonly loan?: unknown
  /** Only where the model's outputs are not known. */
  readonly outputNames?: readonly string[]
  /** Bytes of tensors that `run` copied. */
  readonly bytesCopied: number
}
