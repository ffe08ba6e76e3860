import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Backend } from '../backend.js'
import { HalError } from '../errors.js'

/** A backend, or the name of a package that exports a function `createBackend`. */
export type BackendSource = Backend | string

interface Exports {
  readonly createBackend?: unknown
  readonly default?: { readonly createBackend?: unknown }
}

/**
 * @throws HalError HAL_NOT_FOUND with every place tried, HAL_UNAVAILABLE for a package that throws when it is loaded,
 * HAL_INVALID_ARGUMENT for what is no backend of this version.
 */
export async function resolveBackend(source: BackendSource): Promise<Backend> {
  if (typeof source !== 'string') return checkBackend(source, 'backend')
  const createBackend = await load(source, locate(source))
  if (typeof createBackend !== 'function') {
    throw new HalError('HAL_INVALID_ARGUMENT', `package '${source}' exports no function createBackend`)
  }
  return checkBackend(await attempt(source, createBackend as () => unknown), `package '${source}'`)
}

async function load(source: string, file: string): Promise<unknown> {
  const exported = (await attempt(source, () => import(pathToFileURL(file).href))) as Exports
  // Node does not see the names of every CommonJS file; they are in its `default`.
  return exported.createBackend ?? exported.default?.createBackend
}

/** Runs code of a package; what it throws, often a missing vendor library, names the package. */
async function attempt(source: string, work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (cause) {
    if (HalError.isInstance(cause)) throw cause
    const message = `package '${source}' cannot be loaded: ${HalError.from(cause).message}`
    throw new HalError('HAL_UNAVAILABLE', message, { cause })
  }
}

/** From the program's entry script, then from the working directory: core itself does not depend on any backend. */
function locate(name: string): string {
  const entry = process.argv[1]
  const places = [...new Set([...(entry === undefined ? [] : [dirname(entry)]), process.cwd()])]
  const faults: unknown[] = []
  for (const place of places) {
    const from = createRequire(join(place, 'noop.js'))
    try {
      return from.resolve(name)
    } catch (error) {
      const entry =
        (error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED' && importEntry(name, from)
      if (entry) return entry
      faults.push(error)
    }
  }
  throw new HalError(
    'HAL_NOT_FOUND',
    `there is no package '${name}' (looked from ${places.join(' and ')}): install it, or import it and pass the backend`,
    { cause: faults[0] },
  )
}

/** The entry of a package that only `import` can load; Node has no way to resolve one from another place. */
function importEntry(name: string, from: NodeJS.Require): string | undefined {
  for (const folder of from.resolve.paths(name) ?? []) {
    const home = join(folder, name)
    if (!existsSync(join(home, 'package.json'))) continue
    const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
    let entry: unknown = exports?.['.'] ?? exports
    while (typeof entry === 'object' && entry !== null) {
      const { import: imported, node, default: fallback } = entry as Record<string, unknown>
      entry = imported ?? node ?? fallback
    }
    return typeof entry === 'string' ? join(home, entry) : undefined
  }
  return undefined
}

function checkBackend(value: unknown, role: string): Backend {
  const backend = value as Partial<Backend> | null
  const named = typeof backend?.name === 'string' && backend.name !== ''
  if (!named || typeof backend.doDevices !== 'function') {
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
