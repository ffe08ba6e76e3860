import { checked, libcFunction } from './calls.js'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

const prctl = libcFunction<number>('prctl', 'int', ['int', '...'])

/**
 * From now on this process is killed when the thread that spawned it ends, also inside a native call. Who may have died
 * before has to be looked for afterwards.
 */
export function dieWithParent(): void {
  checked('prctl', prctl(PR_SET_PDEATHSIG, 'ulong', SIGKILL), 'asking for the end of the parent')
}
