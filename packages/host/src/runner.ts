import type { Model, Tensor, TensorInfo } from '@xpu-hal/core/backend'

/**
 * What the module of a backend's runner exports, by name: `load`, `open`, and if needed `unload` and `cancel`. The same
 * module is imported by every worker, and by the main thread for `inline` runs and for `cancel`.
 *
 * `Config` and `Shared` must survive structured cloning; a native pointer crosses threads as a bigint.
 */
export interface RunnerModule<Config = unknown, Shared = unknown> {
  /**
   * Loads the model, once for the engine, on the thread of the first worker. Bytes of a model are not kept: what is needed
   * of them later has to be in what it returns.
   */
  load(config: Config, model: Model): LoadedModel<Shared> | Promise<LoadedModel<Shared>>
  /** Opens a runner on the thread where it will work. `shared` is what `load` gave. */
  open(config: Config, shared: Shared, worker: WorkerInfo): Runner | Promise<Runner>
  /** Frees what `load` took, on the same thread, after every runner was closed. */
  unload?(shared: Shared): void
  /**
   * Asks the run of `job` that executes under this token to stop. Called on the main thread while the worker has that
   * run in its hands: perhaps just before it enters `run`, or just after it has left it. The worker does not go on to
   * another run before this has returned, so what the token points to stays valid.
   */
  cancel?(token: bigint, job: number): void
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

/** Executes runs one after the other on one thread. */
export interface Runner {
  /**
   * One inference; blocks until it is over. Throws on failure, a HalError where it can say what happened; the runner
   * must be ready for the next call afterwards.
   */
  run(call: RunnerCall): RunnerAnswer
  /** Frees what `open` took. */
  close(): void
  /** Stands for the run in progress in `cancel`. A pointer, for example. */
  readonly cancelToken?: bigint
}

export interface RunnerCall {
  readonly job: number
  /** In the order of the model's inputs; valid until `run` returns. Views on SharedArrayBuffers, except strings. */
  readonly inputs: readonly Tensor[]
  readonly inputNames: readonly string[]
  /** One for each output of the model: memory to write to, or `undefined` where the runner allocates. */
  readonly outputs: readonly (Tensor | undefined)[]
}

export interface RunnerAnswer {
  /** In the order of the model's outputs: tensors of the call, or new ones (on a SharedArrayBuffer for no further copy). */
  readonly outputs: readonly Tensor[]
  /** Only where the model's outputs are not known. */
  readonly outputNames?: readonly string[]
  /** Bytes of tensors that `run` copied. */
  readonly bytesCopied: number
}
