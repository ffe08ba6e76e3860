import { HalError } from '@xpu-hal/core/backend'
import type { Pointer } from './native/calls.js'
import { MAX_VIEW, mapMemory, viewMemory } from './native/memory.js'

/** The arena as a worker process sees it. Mapped until the process ends. */
export class MappedMemory {
  readonly #address: Pointer

  /** @throws HalError HAL_RESOURCE_EXHAUSTED where there is no address space for it */
  constructor(
    fd: number,
    private readonly size: number,
  ) {
    this.#address = mapMemory(fd, size)
  }

  /**
   * A view on memory that main has allocated; valid for as long as main holds that.
   * @throws HalError HAL_INTERNAL where that lies outside
   */
  view(address: number, byteLength: number): ArrayBuffer {
    const inside = address > 0 && byteLength >= 0 && address + byteLength <= this.size
    if (inside && byteLength <= MAX_VIEW && Number.isInteger(address) && Number.isInteger(byteLength)) {
      return viewMemory(this.#address + BigInt(address), byteLength)
    }
    const message = `${byteLength} bytes at address ${address} do not lie in the shared memory of ${this.size} bytes`
    throw new HalError('HAL_INTERNAL', message)
  }
}
