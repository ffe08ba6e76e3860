import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Backend } from '../backend.js'
import { HalError } from '../errors.js'

/** A backend, or the name of a package that exports a function `createBackend`. */
export type BackendSource = Backend | string

/** @throws HalError HAL_NOT_FOUND with every place tried, HAL_INVALID_ARGUMENT for what is no backend of this version. */
export async function resolveBackend(source: BackendSource): Promise<Backend> {
  if (typeof source !== 'string') return checkBackend(source, 'backend')
  const file = locate(source)
  const { createBackend } = (await import(pathToFileURL(file).href)) as { createBackend?: unknown }
  if (typeof createBackend !== 'function') {
    throw new HalError('HAL_INVALID_ARGUMENT', `package '${source}' exports no function createBackend`)
  }
  return checkBackend(createBackend(), `package '${source}'`)
}

/** From the program's entry script, then from the working directory: core itself does not depend on any backend. */
function locate(name: string): string {
  const entry = process.argv[1]
  const places = [...(entry === undefined ? [] : [dirname(entry)]), process.cwd()]
  const faults: unknown[] = []
  for (const place of places) {
    try {
      return createRequire(join(place, 'noop.js')).resolve(name)
    } catch (error) {
      faults.push(error)
    }
  }
  throw new HalError(
    'HAL_NOT_FOUND',
    `there is no package '${name}' (looked from ${places.join(' and ')}): install it, or import it and pass the backend`,
    { cause: faults[0] },
  )
}

function checkBackend(value: unknown, role: string): Backend {
  const backend = value as Partial<Backend> | null
  if (typeof backend !== 'object' || backend === null || typeof backend.doDevices !== 'function') {
    throw new TypeError(`${role}: expected a backend, with a name and doDevices`)
  }
  if (backend.specVersion !== 1) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `${role} is written for version ${String(backend.specVersion)} of the backend interface; this HAL has version 1`,
    )
  }
  return backend as Backend
}
