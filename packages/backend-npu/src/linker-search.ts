import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Elf, readElf } from './elf.js'

/** A library that the dynamic linker of Linux (glibc) did not find. */
export interface MissingLibrary {
  /** Path of the library that needs it. */
  readonly neededBy: string
  /** Every path where it is not, as far as they are known. */
  readonly tried: readonly string[]
}

/**
 * Goes the way of the dynamic linker from `library` to the one of its libraries that needs `name`. Libraries of the
 * system are taken to be complete.
 */
export function searchFor(name: string, library: string): MissingLibrary {
  const queue: Loaded[] = [{ path: library, elf: readElf(library), loader: undefined }]
  const seen = new Set<string>([library])
  for (const loaded of queue) {
    if (loaded.elf.needed.includes(name)) return { neededBy: loaded.path, tried: candidates(name, loaded) }
    for (const needed of loaded.elf.needed) {
      const path = candidates(needed, loaded).find((candidate) => existsSync(candidate))
      const elf = path === undefined || seen.has(path) ? undefined : readable(path)
      if (path === undefined || elf === undefined) continue
      seen.add(path)
      queue.push({ path, elf, loader: loaded })
    }
  }
  return { neededBy: library, tried: [] }
}

interface Loaded {
  readonly path: string
  readonly elf: Elf
  readonly loader: Loaded | undefined
}

/** In the linker's order. RPATH holds for what a library needs and all below it, and not beside a RUNPATH. */
function candidates(name: string, loaded: Loaded): string[] {
  if (name.includes('/')) return [name]
  const folders: string[] = []
  if (loaded.elf.runpath.length === 0) {
    for (let at: Loaded | undefined = loaded; at !== undefined; at = at.loader) {
      if (at.elf.runpath.length === 0) folders.push(...expanded(at.elf.rpath, at.path))
    }
  }
  folders.push(...libraryPath(), ...expanded(loaded.elf.runpath, loaded.path))
  return [...new Set(folders.map((folder) => join(folder, name)))]
}

function expanded(folders: readonly string[], library: string): string[] {
  return folders.map((folder) => folder.replace(/\$(ORIGIN\b|\{ORIGIN\})/, dirname(library)))
}

/** As it was when the process began: the linker does not look at it again. */
function libraryPath(): string[] {
  let environment: string
  try {
    environment = readFileSync('/proc/self/environ', 'latin1')
  } catch {
    return []
  }
  const value = /(?:^|\0)LD_LIBRARY_PATH=([^\0]*)/.exec(environment)?.[1] ?? ''
  return value.split(/[:;]/).filter((folder) => folder !== '')
}

function readable(path: string): Elf | undefined {
  try {
    return readElf(path)
  } catch {
    return undefined
  }
}
