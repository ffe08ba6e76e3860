import koffi from 'koffi'

let trim: ((pad: number) => number) | undefined

/**
 * Hands back to the system what a closed model has freed. glibc keeps it otherwise, up to several times the size of the
 * model. Other platforms do it by themselves.
 */
export function releaseFreedMemory(): void {
  if (process.platform !== 'linux') return
  try {
    trim ??= koffi.load('libc.so.6').func('malloc_trim', 'int', ['size_t']) as (pad: number) => number
  } catch {
    trim = () => 0 // Another C library: it has no malloc_trim.
  }
  trim(0)
}
