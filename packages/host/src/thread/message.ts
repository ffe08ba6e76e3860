import type { Model, SyncRequest } from '@xpu-hal/core/backend'
import type { ErrorMessage } from '../error.js'
import type { WorkerInfo } from '../runner.js'
import type { PackedOutputs } from './outputs.js'

/** What main gives a worker thread at its birth. */
export interface WorkerSeed {
  /** URL of the runner module. */
  readonly module: string
  readonly control: Int32Array
}

/** A step in the life of a worker. Main sends one at a time, never while runs are in flight; each is replied to. */
export type Command =
  | { readonly kind: 'load'; readonly config: unknown; readonly model: Model }
  | {
      readonly kind: 'open'
      readonly worker: WorkerInfo
      readonly config: unknown
      readonly shared: unknown
      readonly inputNames: readonly string[]
      readonly outputs: number
      readonly depth: number
      readonly slots: SharedArrayBuffer
    }
  | { readonly kind: 'close' }
  | { readonly kind: 'unload'; readonly shared: unknown }
  | { readonly kind: 'end' }

/** From main to the worker. */
export type Mail =
  | Command
  | {
      readonly kind: 'buffers'
      readonly added: readonly (readonly [id: number, buffer: SharedArrayBuffer])[]
      readonly dropped: readonly number[]
    }
  /** A request that its slot cannot describe. */
  | { readonly kind: 'request'; readonly slot: number; readonly request: SyncRequest }

/** From the worker to main. */
export type Answer =
  /** A doorbell: some slots are done. */
  | 0
  | ({ readonly kind: 'outputs'; readonly slot: number } & PackedOutputs)
  | { readonly kind: 'failure'; readonly slot: number; readonly error: ErrorMessage }
  /** The runner has to be opened anew. Every run that it had was answered before. */
  | { readonly kind: 'lost'; readonly error: ErrorMessage }
  | { readonly kind: 'reply'; readonly value?: unknown; readonly error?: ErrorMessage }

export type SlotAnswer = Extract<Answer, { slot: number }>
export type LossAnswer = Extract<Answer, { kind: 'lost' }>
