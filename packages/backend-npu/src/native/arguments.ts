import koffi from 'koffi'
import type { InitArgs } from '../config.js'

/** Keys and values as `runtime_initialization_with_args` wants them; valid as long as this object is held. */
export class NativeArguments {
  readonly length: number
  readonly keys: BigUint64Array
  readonly values: BigUint64Array
  private readonly held: Uint8Array[] = []

  constructor(args: InitArgs) {
    const entries = Object.entries(args)
    this.length = entries.length
    this.keys = pointers(entries.length)
    this.values = pointers(entries.length)
    for (const [index, [key, value]] of entries.entries()) {
      this.keys[index] = this.hold(Buffer.from(`${key}\0`))
      this.values[index] = this.hold(
        typeof value === 'string'
          ? Buffer.from(`${value}\0`)
          : new Uint8Array(Int32Array.of(value.int).buffer),
      )
    }
  }

  private hold(bytes: Uint8Array): bigint {
    const place = new Uint8Array(new SharedArrayBuffer(bytes.length))
    place.set(bytes)
    this.held.push(place)
    return koffi.address(place)
  }
}

function pointers(count: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(Math.max(1, count) * 8))
}
