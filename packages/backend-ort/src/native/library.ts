import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { HalError } from '@xpu-hal/core/backend'
import koffi, { type LibraryHandle } from 'koffi'
import { API_VERSION, bindApi, type OrtApi, type Pointer } from './api.js'

/** ONNX Runtime, loaded into the process and callable on this thread for as long as it lives. */
export interface OrtLibrary {
  readonly path: string
  /** As the build names itself, for example `1.30.0`. */
  readonly version: string
  readonly api: OrtApi
  /** Held, because koffi unloads a library whose handle is collected, whatever pointers into it are left. */
  readonly handle: LibraryHandle
}

const libraries = new Map<string, OrtLibrary>()

/**
 * Loads the library at `path`; the second time on a thread it gives what it gave before.
 * @throws HalError HAL_UNAVAILABLE when it does not load, is not ONNX Runtime, or is too old.
 */
export function loadLibrary(path: string): OrtLibrary {
  const known = libraries.get(path)
  if (known !== undefined) return known
  const { handle, getApi, getVersion } = open(path)
  const version = String(koffi.call(getVersion, koffi.proto('str', [])))
  const apiVersion = apiVersionOf(version)
  // GetApi prints when it has not got the version, so what the build says of itself decides first.
  const table: Pointer | null =
    apiVersion < API_VERSION ? null : koffi.call(getApi, koffi.proto('void *', ['uint32_t']), API_VERSION)
  if (table === null) {
    throw new HalError(
      'HAL_UNAVAILABLE',
      `${path} is ONNX Runtime ${version}, whose API version is ${apiVersion}; this backend needs ${API_VERSION} or newer. ` +
        'Install the onnxruntime-node that this package asks for, or name another build with ort({ library }).',
      { native: { call: 'OrtApiBase::GetApi', status: apiVersion } },
    )
  }
  const library = { path, version, api: bindApi(table, apiVersion), handle }
  libraries.set(path, library)
  return library
}

/** ONNX Runtime 1.N has API version N. */
function apiVersionOf(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major === 1 ? minor : major * 1000 + minor
}

interface OpenLibrary {
  readonly handle: LibraryHandle
  /** The two functions of `OrtApiBase`. */
  readonly getApi: Pointer
  readonly getVersion: Pointer
}

function open(path: string): OpenLibrary {
  try {
    // The loader of the system would wait for somebody to write to a pipe.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error('it is not a file')
    const handle = koffi.load(path)
    const base: Pointer = handle.func('OrtGetApiBase', 'void *', [])()
    const [getApi, getVersion] = koffi.decode(base, 'void *', 2)
    return { handle, getApi, getVersion }
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
