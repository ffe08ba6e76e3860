import type { HalError, Tensor } from '@xpu-hal/core/backend'
import type { NativeOutput } from './output.js'

/** One of the two forms of running a model. */
export interface Inference {
  /** Hands over an inference. `inputs` must be left as they are until it was received. @throws HalError when it is refused */
  send(names: readonly string[], inputs: readonly Tensor[]): void
  /** Milliseconds until the oldest inference should be received, where others may be sent meanwhile. */
  due(): number
  /**
   * The oldest inference; blocks until it is there. `use` reads the outputs, which are gone when it returns.
   * @throws HalError HAL_INTERNAL when the runtime failed; HAL_DATA_LOSS for a malformed answer; HAL_DEVICE_LOST for none;
   * what `use` throws
   */
  receive<T>(use: UseOutput<T>): T
  /** Why the instance must not be used again: an answer may still come, and nobody could tell whose it is. */
  readonly loss: HalError | undefined
}

/** `bytesCopied`: of the inputs. */
export type UseOutput<T> = (output: NativeOutput, bytesCopied: number) => T
