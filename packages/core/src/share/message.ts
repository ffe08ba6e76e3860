import type { MessagePort } from 'node:worker_threads'
import type { CloneOptions } from '../common-options.js'
import type { Device } from '../device.js'
import type { DeviceChoice, EngineEvents, JobId, Priority, RunMetrics } from '../engine.js'
import type { LogLevel } from '../logger.js'
import type { TensorInfo } from '../model.js'
import type { OptionValues } from '../option.js'
import type { Tensor } from '../tensor.js'
import type { ErrorMessage } from './error-message.js'

/** Both sides of a connection must speak the same: they may be from different copies of this package. */
export const PROTOCOL = 1

/** A run, with every tensor but strings on shared memory. What is missing was not given. */
export interface RunMessage {
  /** In the order of the engine's inputs, or of `names` where those are not known. */
  readonly inputs: readonly Tensor[]
  readonly names?: readonly string[]
  readonly options?: RunSettings
  /** Bytes that the sender copied to bring the tensors there. */
  readonly bytesCopied?: number
}

export interface RunSettings {
  readonly timeout?: number
  readonly priority?: Priority
  readonly repeatable?: boolean
  readonly outputs?: Readonly<Record<string, Tensor>>
  readonly userArg?: unknown
}

/** What the other thread asks the engine's thread for; each is answered with the number of its `call`. */
export type Question =
  | { readonly kind: 'connect'; readonly protocol: number }
  | ({ readonly kind: 'run'; readonly cancellable: boolean } & RunMessage)
  | ({ readonly kind: 'submit'; readonly cancellable: boolean } & RunMessage)
  | { readonly kind: 'wait'; readonly job: JobId; readonly timeout: number; readonly cancellable: boolean }
  | { readonly kind: 'status'; readonly device: number }
  | { readonly kind: 'clone'; readonly options: CloneOptions }
  | { readonly kind: 'close'; readonly timeout: number }

/** The same, by a thread that stands still until the answer lies in its second port. */
export type UrgentQuestion =
  | ({ readonly kind: 'run-now' } & RunMessage)
  | ({ readonly kind: 'try-submit'; readonly cancellable: boolean } & RunMessage)
  | { readonly kind: 'stats' }
  | { readonly kind: 'reset-stats' }

/** What it lets the engine's thread know. */
export type Statement =
  /** Nothing: sending it shows whether there is anybody. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'cancel'; readonly call: number; readonly reason: ErrorMessage }
  | { readonly kind: 'register'; readonly callback: number | null }
  | { readonly kind: 'called-back'; readonly delivery: number; readonly error?: ErrorMessage }
  | { readonly kind: 'listen'; readonly event: keyof EngineEvents; readonly on: boolean }
  | { readonly kind: 'copied'; readonly bytes: number }
  | { readonly kind: 'share'; readonly port: MessagePort }
  | {
      readonly kind: 'log'
      readonly level: LogLevel
      readonly message: string
      readonly error: ErrorMessage | undefined
    }

export type FromThread = ((Question | UrgentQuestion) & { readonly call: number }) | Statement

/** A message of that kind. */
export type Asked<K extends FromThread['kind']> = Extract<FromThread, { readonly kind: K }>

/** The answer to `connect`. */
export interface Hello {
  readonly id: string
  readonly model: string
  /** Number of the thread that the engine lives on. */
  readonly thread: number
  /** The first is `engine.device`. */
  readonly devices: readonly DeviceMessage[]
  readonly selection: readonly DeviceChoice[]
  readonly options: OptionValues
  readonly sharesWeights: boolean
  readonly maxLoad: number
  readonly signature: SignatureMessage
  /** Which of inputs and outputs the runtime itself tells. */
  readonly tells: { readonly inputs: boolean; readonly outputs: boolean }
  /** The engine's load, as it is. */
  readonly gauge: Int32Array
  /** Where urgent questions are answered; `bell` changes with each answer. */
  readonly answers: MessagePort
  readonly bell: Int32Array
}

export type DeviceMessage = Omit<Device, 'status'>

export interface SignatureMessage {
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
}

/** A run that was submitted. */
export interface Accepted {
  readonly job: JobId
  /** The thread that submitted it will get it by its callback, or hear that it is over. */
  readonly called: boolean
}

export type Answer =
  | { readonly kind: 'done'; readonly call: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly call: number; readonly error: ErrorMessage }

/** A run for the callback of this thread, which has to say `called-back` with the number of the delivery. */
export interface Delivered {
  readonly kind: 'callback'
  readonly callback: number
  readonly delivery: number
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly userArg: unknown
  readonly job: JobId
}

/** What the engine's thread lets the other one know. */
export type Notice =
  | Delivered
  /** A run that it submitted with a signal, or that fails instead of reaching its callback, is over. */
  | { readonly kind: 'over'; readonly job: JobId; readonly failed: boolean }
  /** No run will ever go to that callback again. */
  | { readonly kind: 'unused'; readonly callback: number }
  | { readonly kind: 'learned'; readonly signature: SignatureMessage }
  /** Which devices are lost, in their order. */
  | { readonly kind: 'devices'; readonly lost: readonly boolean[] }
  | {
      readonly kind: 'event'
      readonly event: keyof EngineEvents
      readonly metrics?: Omit<RunMetrics, 'error'>
      readonly error?: ErrorMessage
    }

export type FromEngine = Answer | Notice
