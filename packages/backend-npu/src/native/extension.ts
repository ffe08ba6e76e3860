import { bind, type Pointer, symbolOf } from './calls.js'
import { program } from './libc.js'
import { STRUCT_BYTES } from './tensors-struct.js'

const VERSION = 1

/** `sem_t` of Linux on LP64. */
export const SEMAPHORE_BYTES = 32

const release = process.platform === 'linux' ? symbolOf(program, 'sem_post') : undefined
const tryWait = symbolOf(program, 'sem_trywait')
const taken = tryWait === undefined ? () => -1 : bind<number>(tryWait, 'int', 'void *')

/**
 * The offer to release inputs in place of freeing them, so that they need not be copied: docs/oaax-extension.md. The
 * function that releases is `sem_post`, which never waits, and its semaphore lies behind the `tensors_struct`. Zeroed memory
 * is a semaphore of Linux that nobody has posted to.
 */
export class Extension {
  private readonly answer = new Int32Array(new SharedArrayBuffer(4))

  /** Keys and values of `runtime_initialization_with_args`; none where the platform lacks what is needed. */
  offer(): [key: string, value: Pointer | Uint8Array][] {
    if (release === undefined) return []
    return [
      ['xpu_hal.extension', new Uint8Array(Int32Array.of(VERSION).buffer)],
      ['xpu_hal.release', release],
      ['xpu_hal.release_offset', new Uint8Array(BigInt64Array.of(BigInt(STRUCT_BYTES)).buffer)],
      ['xpu_hal.accepted', new Uint8Array(this.answer.buffer)],
    ]
  }

  get accepted(): boolean {
    return this.answer[0] === 1
  }
}

/** Whether the runtime has released an input since it was sent. True once. */
export function takeRelease(input: Pointer): boolean {
  return taken(input + BigInt(STRUCT_BYTES)) === 0
}
