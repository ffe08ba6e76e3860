import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readElf } from './elf.js'
import { searchFor } from './linker-search.js'

/** Why a library does not load, and what to do about it. Whole sentences without their full stops. */
export interface LoadFault {
  readonly fact: string
  readonly wayOut: string
}

const RUNTIME = 'libRuntimeLibrary.so'
const NAME_IT = `Give the path of the ${RUNTIME} of the vendor, built for this machine, with npu({ library })`
const SYSTEM = "the linker's cache (/etc/ld.so.cache) and the default folders of the system"

/** What is wrong with the file before the dynamic linker sees it; `undefined` when nothing is, or nobody can tell. */
export function fileFault(path: string): LoadFault | undefined {
  try {
    if (statSync(path).isDirectory()) return folderFault(path)
    // Only ELF, and so Linux, is read here.
    if (process.platform === 'linux') readElf(path)
    return undefined
  } catch (error) {
    return { fact: readingFault(error as NodeJS.ErrnoException), wayOut: NAME_IT }
  }
}

/** What the dynamic linker says about the file at `path`, with what it leaves out. */
export function linkerFault(path: string, message: string): LoadFault {
  const words = message.replace(/^Failed to load shared library: /, '')
  const missing = /^(?:.*: )?(\S+): cannot open shared object file: (.*)$/.exec(words)
  if (missing !== null) return missingFault(path, missing[1] as string, missing[2] as string)
  const version = /version [`']?([^' ]+)'? not found/.exec(words)?.[1]
  if (version !== undefined) {
    return {
      fact: `it needs version ${version} of a library, and that of this system is older (${words})`,
      wayOut: 'Get a build of the runtime for this system, or use a newer system',
    }
  }
  const symbol = /undefined symbol: ([^\s,]+)/.exec(words)?.[1]
  if (symbol !== undefined) {
    return {
      fact: `it uses the symbol ${symbol}, which neither it nor a library that it needs has`,
      wayOut: 'Install the versions of those libraries that the vendor built it with',
    }
  }
  if (/failed to map|not permitted|cannot enable executable/.test(words)) {
    return {
      fact: `the system does not let it be mapped as a program (${words})`,
      wayOut: `Keep libraries, and their copies (folder ${path.slice(0, path.lastIndexOf('/')) || '/'}), on a file system without noexec; TMPDIR moves the copies`,
    }
  }
  return { fact: words, wayOut: NAME_IT }
}

function folderFault(path: string): LoadFault {
  const inside = join(path, RUNTIME)
  return existsSync(inside)
    ? { fact: 'it is a folder', wayOut: `Give the path of the library in it: ${inside}` }
    : { fact: `it is a folder, and there is no ${inside}`, wayOut: NAME_IT }
}

function readingFault({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file'
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read by this user'
    default:
      return message
  }
}

function missingFault(path: string, name: string, why: string): LoadFault {
  const { neededBy, tried } = searched(name, path)
  const places = name.includes('/') ? [name] : [...tried, SYSTEM]
  const by = neededBy === path ? 'it' : neededBy
  const not = why === 'No such file or directory' ? 'which is not there' : `which cannot be opened (${why})`
  return {
    fact: `${by} needs the library ${name}, ${not}; tried: ${places.join(', ')}`,
    wayOut: `Install ${name}, or name its folder in LD_LIBRARY_PATH before the process starts`,
  }
}

function searched(name: string, path: string): ReturnType<typeof searchFor> {
  try {
    return searchFor(name, path)
  } catch {
    return { neededBy: path, tried: [] }
  }
}
