import { HalError } from '@xpu-hal/core/backend'
import type { InitArgs } from '../config.js'
import { NativeArguments } from './arguments.js'
import type { NativeArgument } from './calls.js'
import { Extension } from './extension.js'
import { Interruption } from './interruption.js'
import type { LentInput } from './lent-input.js'
import { pin, releaseFreedMemory } from './libc.js'
import { loadLibrary, type OaaxLibrary, unloadLibrary } from './library.js'
import { withPrivateCopy } from './private-copy.js'

/** Held, with all that they were pointed to, until their `runtime_destruction` has returned 0: they may read it until then. */
const living = new Set<Runtime>()

/** Libraries that were loaded on this thread. */
const used = new Set<string>()

/** One instance of a runtime with its model: a library with globals of its own, a copy where need be. For one thread. */
export class Runtime {
  /** Inputs that the runtime may read. */
  readonly lent = new Set<LentInput>()
  private readonly args: NativeArguments
  private readonly extension = new Extension()
  readonly interruption: Interruption

  private constructor(
    readonly library: OaaxLibrary,
    private readonly copy: string,
    args: InitArgs,
    offer: boolean,
  ) {
    this.interruption = new Interruption(library.destruction)
    const offered = offer && library.initializeWithArgs !== undefined && library.calls.kind === 'asynchronous'
    this.args = new NativeArguments(args, offered ? this.extension.offer() : [])
  }

  /** Whether the runtime releases inputs and does not free them. */
  get releasesInputs(): boolean {
    return this.extension.accepted
  }

  /** @throws HalError HAL_UNAVAILABLE when the library does not load; HAL_INTERNAL when the runtime refuses */
  static open(path: string, args: InitArgs, extension: boolean, model: string, alone: boolean): Runtime {
    const load = (copy: string) => new Runtime(loadLibrary(copy, path), copy, args, extension)
    // The globals of the library itself are fresh once in the life of a process.
    const runtime = alone && !used.has(path) ? load(path) : withPrivateCopy(path, load)
    used.add(path)
    living.add(runtime)
    try {
      runtime.initialize()
    } catch (error) {
      living.delete(runtime)
      unloadLibrary(runtime.copy)
      throw error
    }
    try {
      runtime.call('runtime_model_loading', runtime.library.loadModel, model)
    } catch (error) {
      runtime.abandon()
      throw error
    }
    return runtime
  }

  /** @throws HalError HAL_INTERNAL when the function does not return 0, with what the runtime says of it */
  call(name: string, action: (...args: NativeArgument[]) => number, ...args: NativeArgument[]): void {
    const status = action(...args)
    if (status !== 0) throw this.failure(name, status)
  }

  failure(call: string, status: number): HalError {
    return new HalError('HAL_INTERNAL', `${call} of ${this.library.name} failed: ${this.reason()}`, {
      native: { call, status },
    })
  }

  /** The runtime's own words. */
  reason(): string {
    return this.library.errorMessage?.()?.trimEnd() || 'it gives no reason'
  }

  /** @throws HalError HAL_INTERNAL when the runtime cannot end; it stays loaded then. */
  close(): void {
    const status = this.destroy()
    if (status === 0) {
      unloadLibrary(this.copy)
      releaseFreedMemory()
    } else {
      pin(this.copy)
      throw this.failure('runtime_destruction', status)
    }
  }

  /** Ends a runtime in an unknown state as well as it can be. Its code stays: threads of it may still run. */
  abandon(): void {
    pin(this.copy)
    if (!this.interruption.happened) this.destroy()
  }

  private destroy(): number {
    const status = this.library.destroy()
    if (status === 0) living.delete(this)
    return status
  }

  private initialize(): void {
    const { initialize, initializeWithArgs, name } = this.library
    const { length, keys, values } = this.args
    if (initializeWithArgs !== undefined && (length > 0 || initialize === undefined)) {
      this.call('runtime_initialization_with_args', initializeWithArgs, length, keys, values)
    } else if (initialize !== undefined && length === 0) {
      this.call('runtime_initialization', initialize)
    } else {
      throw new HalError(
        'HAL_UNIMPLEMENTED',
        `${name} takes no arguments: it has no function runtime_initialization_with_args. Leave args away.`,
      )
    }
  }
}
