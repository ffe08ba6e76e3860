import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { HalError } from '@xpu-hal/core/backend'
import { checkQuirks, type Quirks } from './quirks.js'
import { checkTensors, type ModelTensors } from './tensor-info.js'

/** A value for the runtime: a string goes over as `char *`, `{ int }` as `int *`. Which one a key wants, its vendor says. */
export type InitArg = string | { readonly int: number }

/** By key. Runtimes ignore keys that they do not know. */
export type InitArgs = Readonly<Record<string, InitArg>>

export interface NpuConfig {
  /**
   * Path of the runtime's shared library, mostly called `libRuntimeLibrary.so`. A relative one, also one without a slash,
   * begins at the working directory; it is looked for nowhere else.
   */
  readonly library: string
  /**
   * Of the backend, in small letters, digits and dashes: its device is `<name>:0`. `npu` when missing; another one where a HAL
   * has several runtimes.
   */
  readonly name?: string
  /** Given to every instance of the runtime when it is initialized. */
  readonly args?: InitArgs
  /**
   * How many instances of the runtime an engine uses at most, each a core of the device: 1 to 64, 1 when missing. Each
   * has a private copy of the library and loads the model by itself.
   */
  readonly instances?: number
  /** Milliseconds that an instance may take to be initialized and to load its model; 120,000 when missing. */
  readonly startTimeout?: number
  /**
   * Milliseconds until a run without an answer fails with HAL_DEVICE_LOST and its instance is made anew; 10,000 when
   * missing.
   */
  readonly answerTimeout?: number
  /** Milliseconds that the destruction of an instance may take before it is left behind; 10,000 when missing. */
  readonly closeTimeout?: number
  /** Inputs and outputs of the models, where neither an ONNX file nor a `<model>.json` tells. */
  readonly tensors?: ModelTensors
  /**
   * Whether to offer each instance to release inputs in place of freeing them, so that they are not copied; true when
   * missing. It is offered through keys that other runtimes ignore.
   */
  readonly extension?: boolean
  /** What is known of this runtime, in place of what this package knows of it. */
  readonly quirks?: Partial<Quirks>
}

const MAX_INSTANCES = 64
const MAX_INT = 2 ** 31 - 1

/** The same config, with the absolute path of the library. @throws see `npu` */
export function checkConfig(config: NpuConfig): NpuConfig {
  if (typeof config?.library !== 'string' || config.library === '') {
    throw new TypeError('npu: library is missing; give the path of the libRuntimeLibrary.so to use')
  }
  if (config.library.includes('\0')) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `npu: ${JSON.stringify(config.library)} is no path of a library`,
    )
  }
  if (
    config.name !== undefined &&
    !(typeof config.name === 'string' && /^[a-z][a-z0-9-]*$/.test(config.name))
  ) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `npu: the name ${show(config.name)} is not of small letters, digits and dashes`,
    )
  }
  const args = checkArgs(config.args)
  checkRange('instances', config.instances, MAX_INSTANCES)
  checkRange('startTimeout', config.startTimeout, MAX_INT)
  checkRange('closeTimeout', config.closeTimeout, MAX_INT)
  checkRange('answerTimeout', config.answerTimeout, MAX_INT)
  checkQuirks(config.quirks)
  if (config.tensors !== undefined) checkTensors(config.tensors, 'npu: tensors')
  return { ...config, ...(args !== undefined && { args }), library: resolve(config.library) }
}

/** A copy, so that what was checked is what the runtime gets. */
function checkArgs(args: unknown): InitArgs | undefined {
  if (args === undefined) return undefined
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    throw new HalError('HAL_INVALID_ARGUMENT', `npu: args is ${show(args)}; it is an object of values by key`)
  }
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, checkArg(key, value)]))
}

function checkArg(key: string, value: unknown): InitArg {
  if (key.includes('\0') || (typeof value === 'string' && value.includes('\0'))) {
    throw new HalError('HAL_INVALID_ARGUMENT', `args: '${key}' holds a NUL, which ends a string in C`)
  }
  if (typeof value === 'string') return value
  const number = (value as { int?: unknown } | null | undefined)?.int
  if (Number.isInteger(number) && Math.abs(number as number) <= MAX_INT) return { int: number as number }
  throw new HalError(
    'HAL_INVALID_ARGUMENT',
    `args: '${key}' must be a string, or { int: n } with a whole number of 32 bits`,
  )
}

function show(value: unknown): string {
  return inspect(value, { depth: 0, customInspect: false })
}

function checkRange(name: string, value: unknown, max: number): void {
  if (value === undefined) return
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return
  throw new HalError(
    'HAL_INVALID_ARGUMENT',
    `npu: ${name} is ${show(value)}; it is a whole number from 1 to ${max}`,
  )
}
