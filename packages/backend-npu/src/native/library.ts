import { readFileSync } from 'node:fs'
import { HalError } from '@xpu-hal/core/backend'
import koffi, { type LibraryHandle } from 'koffi'
import { elfFault } from '../elf.js'
import { bind, type NativeArgument, symbolOf } from './calls.js'

type Status = (...args: NativeArgument[]) => number
type Text = () => string | null

/** The functions of the two forms of the OAAX interface. What only one form has is missing in the other. */
export interface OaaxLibrary {
  readonly path: string
  /** As the runtime calls itself, or `OAAX runtime`. */
  readonly name: string
  readonly version: string
  readonly initialize: Status | undefined
  readonly initializeWithArgs: Status | undefined
  readonly loadModel: Status
  readonly destroy: Status
  readonly errorMessage: Text | undefined
  readonly calls: AsynchronousCalls | SynchronousCalls
}

export interface AsynchronousCalls {
  readonly kind: 'asynchronous'
  readonly send: Status
  readonly receive: Status
}

/** The older form. */
export interface SynchronousCalls {
  readonly kind: 'synchronous'
  readonly execute: Status
  readonly cleanup: Status
}

/** Held, because koffi unloads a library whose handle is collected. */
const handles = new Map<string, LibraryHandle>()

/**
 * Loads the library at `path` and binds it to this thread, which holds it until it ends or {@link unloadLibrary} is called.
 * @param as the path that errors name
 * @throws HalError HAL_UNAVAILABLE naming the file and what is wrong with it
 */
export function loadLibrary(path: string, as: string = path): OaaxLibrary {
  const handle = handles.get(path) ?? open(path, as)
  handles.set(path, handle)
  const optional = (name: string, ...args: string[]): Status | undefined => {
    const address = symbolOf(handle, name)
    return address === undefined ? undefined : bind<number>(address, 'int', ...args)
  }
  const required = (name: string, ...args: string[]): Status => {
    const found = optional(name, ...args)
    if (found !== undefined) return found
    throw unavailable(as, `it is no OAAX runtime: it has no function ${name}`)
  }
  const text = (name: string): Text | undefined => {
    const address = symbolOf(handle, name)
    return address === undefined ? undefined : bind<string | null>(address, 'str')
  }
  const has = (name: string) => symbolOf(handle, name) !== undefined
  const initialize = optional('runtime_initialization')
  const initializeWithArgs = optional('runtime_initialization_with_args', 'int', 'void *', 'void *')
  if (initialize === undefined && initializeWithArgs === undefined) required('runtime_initialization')
  const synchronous = has('runtime_inference_execution') && !has('send_input')
  return {
    path: as,
    name: text('runtime_name')?.() ?? 'OAAX runtime',
    version: text('runtime_version')?.() ?? 'of unknown version',
    initialize,
    initializeWithArgs,
    loadModel: required('runtime_model_loading', 'str'),
    destroy: required('runtime_destruction'),
    errorMessage: text('runtime_error_message'),
    calls: synchronous
      ? {
          kind: 'synchronous',
          execute: required('runtime_inference_execution', 'void *', 'void *'),
          cleanup: required('runtime_inference_cleanup'),
        }
      : {
          kind: 'asynchronous',
          send: required('send_input', 'void *'),
          receive: required('receive_output', 'void *'),
        },
  }
}

/** No thread may be in its code any more. */
export function unloadLibrary(path: string): void {
  handles.get(path)?.unload()
  handles.delete(path)
}

function open(path: string, as: string): LibraryHandle {
  try {
    return koffi.load(path)
  } catch (cause) {
    const reason =
      elfFault(() => readFileSync(path)) ?? (cause instanceof Error ? cause.message : String(cause))
    throw unavailable(as, reason.replaceAll(path, as), cause)
  }
}

function unavailable(path: string, reason: string, cause?: unknown): HalError {
  return new HalError(
    'HAL_UNAVAILABLE',
    `${path} does not load as an OAAX runtime: ${reason}. Name the libRuntimeLibrary.so of the vendor, built for this ` +
      'machine, with npu({ library }).',
    { native: { call: 'dlopen' }, ...(cause !== undefined && { cause }) },
  )
}
