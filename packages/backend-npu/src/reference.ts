import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HalError } from '@xpu-hal/core/backend'

/** The two forms of the OAAX interface: `send_input` with `receive_output`, and `runtime_inference_execution`. */
export type InterfaceForm = 'current' | 'older'

const FILES: Readonly<Record<InterfaceForm, string>> = {
  current: 'libRuntimeLibrary.so',
  older: 'libRuntimeLibrarySync.so',
}

/**
 * Absolute path of the reference runtime of this package, which runs ONNX models, for the setting `library` of `npu`. It
 * takes the path of ONNX Runtime's library as the argument `ort_library`.
 * @throws HalError HAL_UNAVAILABLE naming the way out, where it is not built
 */
export function referenceLibrary(form: InterfaceForm = 'current'): string {
  const file = FILES[form]
  if (file === undefined) {
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `the form is '${String(form)}'; there are 'current' and 'older'`,
    )
  }
  return nativeFile(file)
}

/**
 * Absolute path of what the native part of this package is built to. What was compiled here goes before what was shipped.
 * @throws HalError HAL_UNAVAILABLE naming the way out, where it is not built
 */
function nativeFile(file: string): string {
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const platform = `${process.platform}-${process.arch}`
  const folders = [join(root, 'build', 'Release'), join(root, 'prebuilds', platform)]
  const found = folders.map((folder) => join(folder, file)).find((path) => existsSync(path))
  if (found !== undefined) return found
  const wayOut =
    process.platform === 'linux'
      ? `Run 'node ${join(root, 'native', 'build.mjs')}', which needs a C++ compiler and says in one line what is missing.`
      : 'It is made for Linux alone; name the library of a vendor with npu({ library }).'
  throw new HalError(
    'HAL_UNAVAILABLE',
    `${file} is not built for ${platform}: it is neither in ${folders.join(' nor in ')}. ${wayOut}`,
  )
}
