import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'vitest'

const isLinux = process.platform === 'linux'
if (!isLinux) console.log("skipped: isolation 'process' needs Linux")
export const testOnLinux = test.skipIf(!isLinux)

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

/** Collects what nobody holds, until `done`. */
export async function collected(done: () => boolean): Promise<void> {
  while (!done()) {
    gc()
    await turn()
  }
  // What else waits for the same objects.
  await turn()
}
