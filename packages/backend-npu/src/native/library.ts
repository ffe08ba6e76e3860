import { HalError } from '@xpu-hal/core/backend'
import koffi, { type LibraryHandle } from 'koffi'
import { fileFault, type LoadFault, linkerFault } from '../load-fault.js'
import { bind, type NativeArgument, type Pointer, symbolOf } from './calls.js'

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
  /** Address of `destroy`. */
  readonly destruction: Pointer
  readonly errorMessage: Text | undefined
  readonly calls: AsynchronousCalls | SynchronousCalls
}

export interface AsynchronousCalls {
  readonly kind: 'asynchronous'
  readonly send: Status
  readonly receive: Status
  /** Takes an output back in place of `free`: newer Intel runtimes fill the same ones again, and stall where none returns. */
  readonly giveBack: ((output: Pointer) => void) | undefined
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
 * @param path absolute: the linker would look for a bare name where nobody said
 * @param as the path that errors name
 * @throws HalError HAL_UNAVAILABLE naming the file and what is wrong with it
 */
export function loadLibrary(path: string, as: string = path): OaaxLibrary {
  const known = handles.get(path)
  const handle = known ?? open(path, as)
  try {
    const library = bindLibrary(handle, as)
    handles.set(path, handle)
    return library
  } catch (error) {
    if (known === undefined) handle.unload()
    throw error
  }
}

/** No thread may be in its code any more. */
export function unloadLibrary(path: string): void {
  handles.get(path)?.unload()
  handles.delete(path)
}

function bindLibrary(handle: LibraryHandle, as: string): OaaxLibrary {
  const addresses = new Map(names.map((name) => [name, symbolOf(handle, name)]))
  const form = formOf((name) => addresses.get(name) !== undefined, as)
  const required = (name: Name, ...args: string[]): Status =>
    bind<number>(addresses.get(name) as Pointer, 'int', ...args)
  const optional = (name: Name, ...args: string[]): Status | undefined => {
    const address = addresses.get(name)
    return address === undefined ? undefined : bind<number>(address, 'int', ...args)
  }
  const text = (name: Name): Text | undefined => {
    const address = addresses.get(name)
    return address === undefined ? undefined : bind<string | null>(address, 'str')
  }
  const returning = addresses.get('runtime_return_output')
  return {
    path: as,
    name: text('runtime_name')?.() ?? 'OAAX runtime',
    version: text('runtime_version')?.() ?? 'of unknown version',
    initialize: optional('runtime_initialization'),
    initializeWithArgs: optional('runtime_initialization_with_args', 'int', 'void *', 'void *'),
    loadModel: required('runtime_model_loading', 'str'),
    destroy: required('runtime_destruction'),
    destruction: addresses.get('runtime_destruction') as Pointer,
    errorMessage: text('runtime_error_message'),
    calls:
      form === 'synchronous'
        ? {
            kind: 'synchronous',
            execute: required('runtime_inference_execution', 'void *', 'void *'),
            cleanup: required('runtime_inference_cleanup'),
          }
        : {
            kind: 'asynchronous',
            send: required('send_input', 'void *'),
            receive: required('receive_output', 'void *'),
            giveBack: returning === undefined ? undefined : bind<void>(returning, 'void', 'void *'),
          },
  }
}

const common = ['runtime_model_loading', 'runtime_destruction'] as const
const forms = {
  asynchronous: ['send_input', 'receive_output'],
  synchronous: ['runtime_inference_execution', 'runtime_inference_cleanup'],
} as const
const optionals = [
  'runtime_initialization',
  'runtime_initialization_with_args',
  'runtime_error_message',
  'runtime_version',
  'runtime_name',
  'runtime_return_output',
] as const
const names = [...common, ...forms.asynchronous, ...forms.synchronous, ...optionals]
type Name = (typeof names)[number]

/** @throws HalError HAL_UNAVAILABLE naming every function that is missing for one of the forms */
function formOf(has: (name: Name) => boolean, as: string): keyof typeof forms {
  const { asynchronous, synchronous } = forms
  const form = !asynchronous.some(has) && synchronous.some(has) ? 'synchronous' : 'asynchronous'
  const missing: string[] = [...common, ...forms[form]].filter((name) => !has(name))
  if (!has('runtime_initialization') && !has('runtime_initialization_with_args')) {
    missing.unshift('runtime_initialization')
  }
  if (missing.length === 0) return form
  const older = [...asynchronous, ...synchronous].some(has)
    ? ''
    : `, nor the older ${synchronous.join(' and ')}`
  throw unavailable(as, {
    fact: `it is no OAAX runtime, for it has no function ${missing.join(', ')}${older}`,
    wayOut: 'Give the path of the libRuntimeLibrary.so of the vendor with npu({ library })',
  })
}

function open(path: string, as: string): LibraryHandle {
  const fault = fileFault(path)
  if (fault !== undefined) throw unavailable(as, fault)
  try {
    return koffi.load(path)
  } catch (cause) {
    throw unavailable(as, linkerFault(path, cause instanceof Error ? cause.message : String(cause)), cause)
  }
}

function unavailable(path: string, { fact, wayOut }: LoadFault, cause?: unknown): HalError {
  return new HalError('HAL_UNAVAILABLE', `${path} does not load as an OAAX runtime: ${fact}. ${wayOut}.`, {
    native: { call: 'dlopen' },
    ...(cause !== undefined && { cause }),
  })
}
