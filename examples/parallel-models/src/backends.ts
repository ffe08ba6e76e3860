import type { BackendSource } from '@xpu-hal/core'

/** Backends by name; `library` goes to the first of them that takes one. */
export async function makeBackends(
  names: readonly string[],
  library: string | undefined,
): Promise<BackendSource[]> {
  const taker = names.includes('npu') ? 'npu' : 'ort'
  if (library !== undefined && !names.includes(taker)) {
    throw new Error(`--lib is for the backends npu and ort, not for ${names.join(' and ')}`)
  }
  return Promise.all(
    [...new Set(names)].map((name) => makeBackend(name, name === taker ? library : undefined)),
  )
}

async function makeBackend(name: string, library: string | undefined): Promise<BackendSource> {
  if (!['ort', 'npu', 'mock'].includes(name)) {
    throw new Error(`there is no backend '${name}': take ort, npu or mock`)
  }
  const packageName = `@xpu-hal/backend-${name}`
  const { createBackend: create } = await import(packageName).catch((cause) => {
    throw new Error(`backend '${name}' does not load; is ${packageName} installed? ${cause.message}`, {
      cause,
    })
  })
  // The mock knows a few operators only. With zeros for an answer it takes every model, but finds nothing.
  if (name === 'mock') return create({ arithmetic: 'zeros', computeMs: 5 })
  return create(library === undefined ? {} : { library })
}
