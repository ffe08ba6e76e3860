import koffi from 'koffi'
import { bind, type Pointer, symbolOf } from './calls.js'
import { program } from './libc.js'

/** `state` of a worker in `receive_output`. */
const State = { elsewhere: 0, waiting: 1, interrupted: 2 } as const

// The record that worker and main thread share: the state, four bytes unused, the address of `runtime_destruction`.
const RECORD_BYTES = 16
const DESTRUCTION = 1

const create = symbolOf(program, 'pthread_create')
const detach = symbolOf(program, 'pthread_detach')

/**
 * The way out of a `receive_output` that returns only with an answer or when the runtime is destroyed: another thread
 * destroys it. Main asks for that, and a thread of its own does it, because it may take long.
 */
export class Interruption {
  /** Stands for this object on the main thread; valid as long as this object is held. */
  readonly token: Pointer
  private readonly state: Int32Array

  constructor(destruction: Pointer) {
    const record = new SharedArrayBuffer(RECORD_BYTES)
    this.state = new Int32Array(record)
    new BigUint64Array(record)[DESTRUCTION] = destruction
    this.token = koffi.address(this.state)
  }

  /** The runtime is being destroyed, or was. */
  get happened(): boolean {
    return Atomics.load(this.state, 0) === State.interrupted
  }

  /** Calls `wait`, which may be interrupted. */
  during<T>(wait: () => T): T {
    Atomics.compareExchange(this.state, 0, State.elsewhere, State.waiting)
    try {
      return wait()
    } finally {
      Atomics.compareExchange(this.state, 0, State.waiting, State.elsewhere)
    }
  }
}

/** Destroys the runtime of the worker that waits under this token, if it still does. Does not wait for that. */
export function interrupt(token: Pointer): void {
  if (create === undefined || detach === undefined) return
  const record = koffi.view(token, RECORD_BYTES)
  const state = new Int32Array(record)
  if (Atomics.compareExchange(state, 0, State.waiting, State.interrupted) !== State.waiting) return
  const destruction = new BigUint64Array(record)[DESTRUCTION] as Pointer
  const thread = new BigUint64Array(new SharedArrayBuffer(8))
  // `runtime_destruction` takes nothing, so as the first function of a thread it leaves the argument alone.
  const start = bind<number>(create, 'int', 'void *', 'void *', 'void *', 'void *')
  if (start(thread, null, destruction, null) === 0)
    bind<number>(detach, 'int', 'size_t')(thread[0] as Pointer)
}
