import koffi from 'koffi'
import type { InitArgs } from '../config.js'
import type { Pointer } from './calls.js'

/** Keys and values as `runtime_initialization_with_args` wants them; valid as long as this object is held. */
export class NativeArguments {
  readonly length: number
  readonly keys: BigUint64Array
  readonly values: BigUint64Array
  private readonly held: Uint8Array[] = []

  /** @param more pointers, and bytes to point to: where they are if they lie on a SharedArrayBuffer */
  constructor(args: InitArgs, more: readonly [key: string, value: Pointer | Uint8Array][] = []) {
    const entries = [...Object.entries(args).map(([key, value]) => [key, encode(value)] as const), ...more]
    this.length = entries.length
    this.keys = pointers(entries.length)
    this.values = pointers(entries.length)
    for (const [index, [key, value]] of entries.entries()) {
      this.keys[index] = this.hold(Buffer.from(`${key}\0`))
      this.values[index] = typeof value === 'bigint' ? value : this.hold(value)
    }
  }

  private hold(bytes: Uint8Array): bigint {
    const place =
      bytes.buffer instanceof SharedArrayBuffer ? bytes : new Uint8Array(new SharedArrayBuffer(bytes.length))
    if (place !== bytes) place.set(bytes)
    this.held.push(place)
    return koffi.address(place)
  }
}

function encode(value: InitArgs[string]): Uint8Array {
  return typeof value === 'string'
    ? Buffer.from(`${value}\0`)
    : new Uint8Array(Int32Array.of(value.int).buffer)
}

function pointers(count: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(Math.max(1, count) * 8))
}
