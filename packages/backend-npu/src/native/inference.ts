import type { Tensor } from '@xpu-hal/core/backend'
import type { NativeOutput } from './output.js'

/** One of the two forms of running a model. */
export interface Inference {
  /**
   * One inference. `use` reads the outputs, which are gone when it returns.
   * @throws HalError HAL_INTERNAL when the runtime refuses; HAL_DATA_LOSS for a malformed answer; HAL_DEVICE_LOST for none;
   * what `use` throws
   */
  infer<T>(names: readonly string[], inputs: readonly Tensor[], use: UseOutput<T>): T
  /** True when the instance must not be used again: an answer may still come, and nobody could tell whose it is. */
  readonly lost: boolean
}

/** `bytesCopied`: of the inputs. */
export type UseOutput<T> = (output: NativeOutput, bytesCopied: number) => T
