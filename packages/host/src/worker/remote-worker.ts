import type { HalError, NumericData, NumericDataType, RunAnswer, SyncRequest } from '@xpu-hal/core/backend'
import type { Connection } from '../lane.js'
import type { WorkerInfo } from '../runner.js'
import type { Command, Mail, SlotAnswer, SlotsMessage } from './message.js'
import type { SharedOutput } from './outputs.js'
import type { Slots } from './slots.js'

/**
 * Why a lane has lost its worker. `fatal`: its thread has ended, and what it held of the runtime is in an unknown state, for
 * the others too. `ended`: its process is gone, with all it held. `stuck`: it never came back from a call, and is left
 * behind. `runner`: it is well, its runner has to be opened anew.
 */
export type Loss = 'fatal' | 'ended' | 'stuck' | 'runner'

/** Takes the answers to runs: `undefined` is a doorbell. */
export interface AnswerListener {
  onAnswer(answer?: SlotAnswer): void
  onLost(error: HalError, loss: Loss): void
}

export interface CommandOptions {
  readonly transfer?: readonly ArrayBuffer[]
  /** Milliseconds after which the worker is given up. */
  readonly limit?: number | undefined
}

/** A worker as main sees it. */
export interface RemoteWorker {
  /** Whose place it has in its engine. */
  readonly worker: WorkerInfo
  /** Set once it has ended without being told to, or was given up. */
  readonly lost: HalError | undefined
  /** Resolves when it has ended, whatever became of it. */
  readonly exited: Promise<unknown>
  listener?: AnswerListener
  /**
   * Sends a command and waits for the reply.
   * @throws what the worker threw; HAL_DEVICE_LOST when it ends or is given up instead.
   */
  command<T>(command: Command, options?: CommandOptions): Promise<T>
  /** Whether outputs may stay in memory of its runtime, for `borrow` of the module. */
  readonly lends: boolean
  /** Slots for a runner that it is about to open, all free. */
  allocateSlots(count: number, tensors: number): Slots
  slotsMessage(slots: Slots): SlotsMessage
  /** Data of an output that the worker allocated. @throws HAL_DATA_LOSS where it is none. */
  receive(dataType: NumericDataType, data: SharedOutput): NumericData
  /** Where the worker finds this memory; never 0. `flush` has to follow before it looks. */
  addressOf(buffer: ArrayBufferLike): number
  /** Tells the worker of the memory that `addressOf` has named since the last time. */
  flush(): void
  /** Slots beside those of the lane: for `runSync`. */
  readonly syncSlots: number
  /**
   * Has the worker execute a run next, and blocks until that is over; missing where this thread can execute it itself.
   * @param limit milliseconds after which the worker is given up
   */
  runSync?(connection: Connection, request: SyncRequest, limit: number | undefined): RunAnswer
  /** Does not wake the worker. */
  post(mail: Mail, transfer?: readonly ArrayBuffer[]): void
  wake(): void
  /** Gives it up, because a call never comes back from the runtime. */
  giveUp(why: string): void
  /** Tells it to end, and waits until it has. */
  end(): Promise<void>
  /** Whether it keeps the process alive. */
  keepProcess(keep: boolean): void
}
