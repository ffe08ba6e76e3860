import type { Model, NumericData, NumericDataType, Tensor } from '@xpu-hal/core/backend'
import type { Answer, BuffersMail, Mail, ModelMessage, Place, SlotsMessage } from './message.js'
import type { SharedOutput } from './outputs.js'

/** How a worker is tied to main. */
export interface Link {
  /** See {@link Word}. */
  readonly control: Int32Array
  /** The next message. Called only when the control block says that one was sent. */
  receive(): Mail
  post(answer: Answer): void
  /**
   * Sleeps until the control block's `wake` is no longer `seen`, or until so many milliseconds are over.
   * @returns whether something was sent
   */
  sleep(seen: number, timeout?: number): boolean
  /** Takes note of memory that requests will name. */
  learn(mail: BuffersMail): void
  dataAt(dataType: NumericDataType, place: Place): NumericData
  slotsAt(slots: SlotsMessage): ArrayBufferLike
  /** Lets go of what belonged to an engine. */
  rest(): void
  modelOf(model: ModelMessage): Model
  /** Puts the data of numeric outputs that the runner allocated where main sees it; copies where it must. */
  share(outputs: readonly Tensor[]): readonly SharedOutput[]
}
