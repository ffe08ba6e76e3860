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
  let path = ''
  try {
    const content = readFileSync(library)
    // Libraries that it looks for beside itself are found only there.
    const beside = content.includes('$ORIGIN') || content.includes(`$\{ORIGIN}`)
    path = join(beside ? dirname(library) : tmpdir(), `.xpu-hal-${randomUUID()}.so`)
    copyFileSync(library, path, constants.COPYFILE_FICLONE)
    return path
  } catch (cause) {
    if (path === '') throw failure(library, 'cannot be made', 'Give this user the right to read it', cause)
    // The disk may have become full half way.
    rmSync(path, { force: true })
    const folder = dirname(path)
    const wayOut = 'Make that folder writable for this user'
    const elsewhere =
      folder === tmpdir() ? ', or name another one in TMPDIR' : ', where its other libraries are'
    throw failure(library, `cannot be made in ${folder}`, wayOut + elsewhere, cause)
  }
}

function failure(library: string, what: string, wayOut: string, cause: unknown): HalError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new HalError(
    'HAL_UNAVAILABLE',
    `${library}: the private copy that each instance of a runtime needs ${what}: ${reason}. ${wayOut}.`,
    { cause },
  )
}
