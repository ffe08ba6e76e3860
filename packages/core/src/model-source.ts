import { stat } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { HalError } from './errors.js'
import type { Model, ModelSource } from './model.js'

/**
 * Turns what the application named into what a backend gets.
 * @throws HalError HAL_NOT_FOUND for a file that is not there, HAL_INVALID_ARGUMENT for an empty one; TypeError for what
 * is no model at all.
 */
export async function resolveModel(source: ModelSource): Promise<Model> {
  if (typeof source === 'string') return isUrl(source) ? resolveModel(new URL(source)) : fileModel(source)
  if (source instanceof URL) return fileModel(filePath(source))
  const bytes = toBytes(source)
  if (bytes !== undefined) return bytesModel(bytes, `${bytes.byteLength} bytes`)
  const { name, bytes: named } = (source ?? {}) as { name?: unknown; bytes?: unknown }
  const content = toBytes(named)
  if (content !== undefined && typeof name === 'string') return bytesModel(content, name)
  throw new TypeError('openEngine needs a model: a path, a file: URL, bytes, or { name, bytes }')
}

function toBytes(value: unknown): Uint8Array | undefined {
  if (types.isUint8Array(value)) return value
  return types.isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined
}

/** A scheme and slashes, unlike a drive of Windows. */
function isUrl(text: string): boolean {
  return /^[a-z][a-z+.-]*:\/\//i.test(text) && URL.canParse(text)
}

function filePath(url: URL): string {
  if (url.protocol === 'file:') return fileURLToPath(url)
  throw new HalError(
    'HAL_INVALID_ARGUMENT',
    `model ${url.href}: only file: URLs can be opened; pass the bytes instead`,
  )
}

async function fileModel(given: string): Promise<Model> {
  if (given === '' || given.includes('\0')) {
    throw new HalError('HAL_INVALID_ARGUMENT', `${JSON.stringify(given)} is no path of a model file`)
  }
  const path = resolve(given)
  let size: number
  try {
    const found = await stat(path)
    if (!found.isFile()) throw new HalError('HAL_INVALID_ARGUMENT', `model ${path} is not a file`)
    size = found.size
  } catch (cause) {
    if (HalError.isInstance(cause)) throw cause
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    const message = missing
      ? `there is no model file ${path}`
      : `model ${path} cannot be read: ${(cause as Error).message}`
    throw new HalError('HAL_NOT_FOUND', message, { cause })
  }
  if (size === 0) throw new HalError('HAL_INVALID_ARGUMENT', `model file ${path} is empty`)
  return { kind: 'file', name: basename(path, extname(path)), path }
}

function bytesModel(bytes: Uint8Array, name: string): Model {
  if (bytes.byteLength === 0) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      'the bytes of the model are empty (was their buffer transferred?)',
    )
  }
  return { kind: 'bytes', name, bytes }
}
