import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { HalError } from '@xpu-hal/core/backend'

/**
 * A file with the bytes of a model, for runtimes take nothing else: in a new folder, for this user alone, until
 * {@link removeModel}. Its name ends as `name` does, because some runtimes tell formats by that.
 * @throws HalError HAL_UNAVAILABLE when there is no place for it; nothing is left then
 */
export function writeModel(bytes: Uint8Array, name: string): string {
  let folder: string | undefined
  try {
    folder = mkdtempSync(join(tmpdir(), 'xpu-hal-'))
    const path = join(folder, `model${extname(name) || '.onnx'}`)
    writeFileSync(path, bytes, { mode: 0o600, flag: 'wx' })
    return path
  } catch (cause) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError(
      'HAL_UNAVAILABLE',
      `the file that the runtime loads the bytes of model ${name} from cannot be written: ${reason}. ` +
        'Name a folder with room for it in TMPDIR, or give the path of a model file.',
      { cause },
    )
  }
}

export function removeModel(path: string): void {
  rmSync(dirname(path), { recursive: true, force: true })
}
