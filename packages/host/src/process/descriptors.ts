import { readdirSync, readFileSync } from 'node:fs'

const O_CLOEXEC = 0o2000000

/**
 * Descriptors of this process above `last` that a child would inherit: those that libraries opened without close-on-exec.
 * The child cannot find them out by itself, because Node sets close-on-exec for many of them when it starts.
 */
export function inheritableDescriptors(last: number): number[] {
  const all = readdirSync('/proc/self/fdinfo').map(Number)
  return all.filter((fd) => fd > last && isInheritable(fd))
}

function isInheritable(fd: number): boolean {
  try {
    const [, flags = ''] =
      /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? []
    return (Number.parseInt(flags, 8) & O_CLOEXEC) === 0
  } catch {
    // The one that the directory was read with.
    return false
  }
}
