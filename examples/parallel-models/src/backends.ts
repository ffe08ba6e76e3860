import type { BackendSource } from '@xpu-hal/core'
import { type InitArgs, referenceRuntime } from './runtime.js'

/** What the flags say of the runtime that a backend calls. */
export interface RuntimeFlags {
  readonly library: string | undefined
  readonly libraryArgs: InitArgs
}

/** Backends by name, each once; `library` goes to the first of them that takes one. */
export async function makeBackends(
  names: readonly string[],
  { library, libraryArgs }: RuntimeFlags,
): Promise<BackendSource[]> {
  const taker = names.includes('npu') ? 'npu' : 'ort'
  if (library !== undefined && !names.includes(taker)) {
    throw new Error(`--lib is for the backends npu and ort, not for ${[...new Set(names)].join(' and ')}`)
  }
  if (Object.keys(libraryArgs).length > 0 && taker !== 'npu') {
    throw new Error(`--lib-arg is for the backend npu, not for ${[...new Set(names)].join(' and ')}`)
  }
  return Promise.all(
    [...new Set(names)].map((name) => {
      const models = names.filter((other) => other === name).length
      return makeBackend(name, models, { library: name === taker ? library : undefined, libraryArgs })
    }),
  )
}

async function makeBackend(
  name: string,
  models: number,
  { library, libraryArgs }: RuntimeFlags,
): Promise<BackendSource> {
  if (!['ort', 'npu', 'mock'].includes(name)) {
    throw new Error(`there is no backend '${name}': take ort, npu or mock`)
  }
  const packageName = `@xpu-hal/backend-${name}`
  const { createBackend: create, referenceLibrary } = await import(packageName).catch((cause) => {
    throw new Error(`backend '${name}' does not load; is ${packageName} installed? ${cause.message}`, {
      cause,
    })
  })
  switch (name) {
    case 'npu': {
      const runtime = library === undefined ? referenceRuntime(referenceLibrary) : { library, args: {} }
      return create({ ...runtime, args: { ...runtime.args, ...libraryArgs }, instances: models })
    }
    case 'mock':
      // The mock knows a few operators only. With zeros for an answer it takes every model, but finds nothing.
      return create({ arithmetic: 'zeros', computeMs: 5 })
    default:
      return create(library === undefined ? {} : { library })
  }
}
