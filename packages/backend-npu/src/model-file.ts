import { writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { HalError } from '@xpu-hal/core/backend'
import { PrivateFolder } from '@xpu-hal/host'

/** A file with the bytes of a model, for runtimes take nothing else. It is there until every engine that uses it has left. */
export interface ModelFile {
  readonly path: string
  readonly folder: PrivateFolder
}

/** A file for one more engine: that of an engine like it, where there is one, or a new one. */
export async function modelFile(
  { bytes, name }: { readonly bytes: Uint8Array; readonly name: string },
  like: ModelFile | undefined,
): Promise<ModelFile> {
  like?.folder.join()
  return like ?? (await writeModel(bytes, name))
}

/**
 * Writes the bytes of a model. The name of the file ends as `name` does, because some runtimes tell formats by that.
 * @throws HalError HAL_UNAVAILABLE when there is no place for it; nothing is left then
 */
async function writeModel(bytes: Uint8Array, name: string): Promise<ModelFile> {
  let folder: PrivateFolder | undefined
  try {
    folder = await PrivateFolder.create()
    const path = join(folder.path, `model${extname(name) || '.onnx'}`)
    await writeFile(path, bytes, { mode: 0o600, flag: 'wx' })
    return { path, folder }
  } catch (cause) {
    await folder?.leave()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError(
      'HAL_UNAVAILABLE',
      `the file that the runtime loads the bytes of model ${name} from cannot be written: ${reason}. ` +
        'Name a folder with room for it in TMPDIR, or give the path of a model file.',
      { cause },
    )
  }
}
