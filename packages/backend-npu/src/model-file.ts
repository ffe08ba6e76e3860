import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { HalError } from '@xpu-hal/core/backend'

/** Made by this process, and not removed yet. */
const folders = new Set<string>()

/**
 * A file with the bytes of a model, for runtimes take nothing else: in a new folder, for this user alone, until
 * {@link removeModel} or the end of the process; only SIGKILL leaves it behind. Its name ends as `name` does, because some
 * runtimes tell formats by that. For the main thread, so that no worker takes it with it when it dies.
 * @throws HalError HAL_UNAVAILABLE when there is no place for it; nothing is left then
 */
export async function writeModel(bytes: Uint8Array, name: string): Promise<string> {
  let folder: string | undefined
  try {
    folder = await mkdtemp(join(tmpdir(), 'xpu-hal-'))
    if (folders.size === 0) process.on('exit', removeAll)
    folders.add(folder)
    const path = join(folder, `model${extname(name) || '.onnx'}`)
    await writeFile(path, bytes, { mode: 0o600, flag: 'wx' })
    return path
  } catch (cause) {
    if (folder !== undefined) await removeFolder(folder)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError(
      'HAL_UNAVAILABLE',
      `the file that the runtime loads the bytes of model ${name} from cannot be written: ${reason}. ` +
        'Name a folder with room for it in TMPDIR, or give the path of a model file.',
      { cause },
    )
  }
}

export function removeModel(path: string): Promise<void> {
  return removeFolder(dirname(path))
}

async function removeFolder(folder: string): Promise<void> {
  if (!folders.delete(folder)) return
  if (folders.size === 0) process.off('exit', removeAll)
  await rm(folder, { recursive: true, force: true })
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
