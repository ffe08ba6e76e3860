import { randomUUID } from 'node:crypto'
import { constants, copyFileSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { HalError } from '@xpu-hal/core/backend'

/**
 * Calls `use` with the path of a copy of the library, which is removed afterwards: what is loaded stays. The dynamic linker
 * takes each file for a library of its own, with globals of its own.
 * @throws HalError HAL_UNAVAILABLE when the library is not there or cannot be copied; what `use` throws
 */
export function withPrivateCopy<T>(library: string, use: (path: string) => T): T {
  const path = copyOf(library)
  try {
    return use(path)
  } finally {
    rmSync(path, { force: true })
  }
}

function copyOf(library: string): string {
  const file = `.xpu-hal-${randomUUID()}.so`
  try {
    // Libraries that it looks for beside itself are found only there.
    const beside = readFileSync(library).includes('$ORIGIN')
    const path = join(beside ? dirname(library) : tmpdir(), file)
    copyFileSync(library, path, constants.COPYFILE_FICLONE)
    return path
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HalError(
      'HAL_UNAVAILABLE',
      `${library}: the private copy that each instance of a runtime needs cannot be made: ${reason}`,
      { cause },
    )
  }
}
