import type { Model, NumericDataType } from '@xpu-hal/core/backend'
import type { ErrorMessage } from '../error.js'
import type { WorkerInfo } from '../runner.js'
import type { OutputsMessage } from './outputs.js'

/** A step in the life of a worker. Main sends one at a time, never while runs are in flight; each is replied to. */
export type Command =
  /** `keep`: the worker keeps what the model shares to itself; other workers load it for themselves. */
  | { readonly kind: 'load'; readonly config: unknown; readonly model: ModelMessage; readonly keep: boolean }
  | {
      readonly kind: 'open'
      readonly worker: WorkerInfo
      readonly config: unknown
      readonly model: SharedModel | undefined
      readonly inputNames: readonly string[]
      readonly outputs: number
      readonly depth: number
      readonly slots: SlotsMessage
    }
  | { readonly kind: 'close' }
  /** Its engine is closed; another one may follow. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'unload'; readonly model: SharedModel | undefined }
  | { readonly kind: 'end' }

/** What `load` of the runner's module gave to share; `undefined` in its place: what the worker has kept to itself. */
export interface SharedModel {
  readonly shared: unknown
}

/** Bytes of a model as they are, or their address in memory that is mapped on both sides. */
export type ModelMessage = Model | ({ readonly kind: 'mapped'; readonly name: string } & Place)

/** Where slots lie: the buffer itself, or its address in memory that is mapped on both sides. */
export interface SlotsMessage {
  readonly count: number
  readonly bytes: number
  readonly at: SharedArrayBuffer | number
}

/** From main to the worker. */
export type Mail =
  | Command
  | BuffersMail
  /** A request that its slot cannot describe. */
  | { readonly kind: 'request'; readonly slot: number; readonly request: RequestMessage }

export interface BuffersMail {
  readonly kind: 'buffers'
  readonly added: readonly (readonly [id: number, buffer: SharedArrayBuffer])[]
  readonly dropped: readonly number[]
}

export interface RequestMessage {
  readonly inputs: readonly TensorMessage[]
  readonly inputNames: readonly string[]
  readonly outputs: readonly (TensorMessage | undefined)[]
}

/** A tensor of a request: strings as they are, other data by the address of its buffer. */
export type TensorMessage =
  | { readonly dataType: 'string'; readonly shape: readonly number[]; readonly data: readonly string[] }
  | NumericTensorMessage

export interface NumericTensorMessage extends Place {
  readonly dataType: NumericDataType
  readonly shape: readonly number[]
}

export interface Place {
  readonly address: number
  readonly byteOffset: number
  /** Elements. */
  readonly length: number
}

/** From the worker to main. */
export type Answer =
  /** A doorbell: some slots are done. */
  | 0
  | ({ readonly kind: 'outputs'; readonly slot: number } & OutputsMessage)
  | { readonly kind: 'failure'; readonly slot: number; readonly error: ErrorMessage }
  /** The runner has to be opened anew. Every run that it had was answered before. */
  | { readonly kind: 'lost'; readonly error: ErrorMessage }
  | { readonly kind: 'reply'; readonly value?: unknown; readonly error?: ErrorMessage }

export type SlotAnswer = Extract<Answer, { slot: number }>
