import { HalError } from '@xpu-hal/core/backend'

/** Something that several drivers use. The last one that leaves frees it. */
export class Shared<T> {
  #users = 1

  constructor(readonly value: T) {}

  /** @throws HalError HAL_FAILED_PRECONDITION where nobody uses it any more */
  join(): this {
    if (this.#users === 0) {
      throw new HalError('HAL_FAILED_PRECONDITION', 'the driver to open another one like is closed')
    }
    this.#users++
    return this
  }

  /** Each user calls it once, when it has let go. @returns whether it was the last one */
  leave(): boolean {
    return --this.#users === 0
  }
}
