import type { Answer, Mail } from '../worker/message.js'

/** What main sends a worker process first. */
export interface ProcessSeed {
  /** URL of the runner module. */
  readonly module: string
  /** Bytes of the arena. */
  readonly arena: number
  /** Address of the control block. */
  readonly control: number
}

/** From main to a worker process. */
export type ProcessMail = Mail | RoomMail

/** Room for outputs, in the order in which it was asked for. */
export interface RoomMail {
  readonly kind: 'room'
  readonly addresses: readonly number[]
  /** Why there is none. */
  readonly error?: string
}

/** From a worker process to main. */
export type ProcessAnswer =
  | Exclude<Answer, 0>
  /** Asks for room for outputs that the runtime allocated: so many bytes each. */
  | { readonly kind: 'room'; readonly bytes: readonly number[] }
