import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { HalError } from '@xpu-hal/core/backend'
import koffi from 'koffi'
import { API_VERSION, bindApi, type OrtApi, type Pointer } from './api.js'

/** ONNX Runtime, loaded into the process and callable on this thread. Never unloaded: its threads may outlive us. */
export interface OrtLibrary {
  readonly path: string
  /** As the build names itself, for example `1.30.0`. */
  readonly version: string
  readonly api: OrtApi
}

const libraries = new Map<string, OrtLibrary>()

/**
 * Loads the library at `path`; the second time on a thread it gives what it gave before.
 * @throws HalError HAL_UNAVAILABLE when it does not load, is not ONNX Runtime, or is too old.
 */
export function loadLibrary(path: string): OrtLibrary {
  const known = libraries.get(path)
  if (known !== undefined) return known
  const [getApi, getVersion] = apiBase(path)
  const version = String(koffi.call(getVersion, koffi.proto('str', [])))
  const minor = Number(/^1\.(\d+)\./.exec(version)?.[1] ?? 0)
  // GetApi prints when it has not got the version, so the version decides first: 1.N has API version N.
  const table: Pointer | null =
    minor < API_VERSION ? null : koffi.call(getApi, koffi.proto('void *', ['uint32_t']), API_VERSION)
  if (table === null) {
    throw new HalError(
      'HAL_UNAVAILABLE',
      `${path} is ONNX Runtime ${version}, whose API version is ${minor}; this backend needs ${API_VERSION} or newer. ` +
        'Install the onnxruntime-node that this package asks for, or name another build with ort({ library }).',
      { native: { call: 'OrtApiBase::GetApi', status: minor } },
    )
  }
  const library = { path, version, api: bindApi(table, minor) }
  libraries.set(path, library)
  return library
}

/** The addresses of `OrtApiBase::GetApi` and `OrtApiBase::GetVersionString`. */
function apiBase(path: string): [Pointer, Pointer] {
  try {
    const base: Pointer = koffi.load(path).func('OrtGetApiBase', 'void *', [])()
    return koffi.decode(base, 'void *', 2)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError(
      'HAL_UNAVAILABLE',
      `${path} does not load as ONNX Runtime: ${reason}. Reinstall onnxruntime-node, or name the shared library of ` +
        'ONNX Runtime for this platform with ort({ library }).',
      { native: { call: 'OrtGetApiBase' }, cause },
    )
  }
}

/**
 * Path of the library that onnxruntime-node ships for this platform. Its JavaScript is never loaded.
 * @throws HalError HAL_UNAVAILABLE when the package is not installed or has no build for this platform.
 */
export function shippedLibrary(): string {
  const { platform, arch } = process
  const file =
    { win32: 'onnxruntime.dll', darwin: 'libonnxruntime.1.dylib' }[platform as string] ??
    'libonnxruntime.so.1'
  let path: string
  try {
    const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json')
    path = join(dirname(manifest), 'bin', 'napi-v6', platform, arch, file)
  } catch (cause) {
    throw new HalError(
      'HAL_UNAVAILABLE',
      'the package onnxruntime-node, which brings the ONNX Runtime library, is not installed. Install it, or name a ' +
        'library with ort({ library }).',
      { cause },
    )
  }
  if (!existsSync(path)) {
    throw new HalError(
      'HAL_UNAVAILABLE',
      `onnxruntime-node has no ONNX Runtime library for ${platform}-${arch} (${path} is missing). Name one with ` +
        'ort({ library }).',
    )
  }
  return path
}
