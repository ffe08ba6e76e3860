import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Shared } from './shared.js'

/** Made by this process, and not removed yet. */
const folders = new Set<string>()

/**
 * A new folder for files that runtimes load, for this user alone, in the folder for temporary files. It is removed with all
 * that is in it when the last engine that uses it has left, or at the end of the process; only a crash or SIGKILL leaves it behind. For
 * the main thread, so that no worker takes it along when it dies.
 */
export class PrivateFolder {
  readonly #shared: Shared<string>

  private constructor(readonly path: string) {
    this.#shared = new Shared(path)
  }

  /** @throws what the file system says */
  static async create(): Promise<PrivateFolder> {
    const path = await mkdtemp(join(tmpdir(), 'xpu-hal-'))
    if (folders.size === 0) process.on('exit', removeAll)
    folders.add(path)
    return new PrivateFolder(path)
  }

  /** For one more user. @throws HalError HAL_FAILED_PRECONDITION when the last one has left */
  join(): this {
    this.#shared.join()
    return this
  }

  /** Each user calls it once, when nothing of its own uses the files any more. */
  async leave(): Promise<void> {
    if (!this.#shared.leave()) return
    folders.delete(this.path)
    if (folders.size === 0) process.off('exit', removeAll)
    await rm(this.path, { recursive: true, force: true })
  }
}

function removeAll(): void {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
}
