import { HalError } from '@xpu-hal/core/backend'
import { map, view } from './native/libc.js'

/** The arena as a worker process sees it. */
export class MappedMemory {
  readonly #base: bigint

  constructor(
    fd: number,
    private readonly size: number,
  ) {
    this.#base = map(fd, size)
  }

  /** @throws HalError HAL_INTERNAL where that lies outside. */
  view(address: number, byteLength: number): ArrayBuffer {
    if (address <= 0 || address + byteLength > this.size) {
      throw new HalError('HAL_INTERNAL', `there are no ${byteLength} bytes at address ${address}`)
    }
    return view(this.#base + BigInt(address), byteLength)
  }
}
