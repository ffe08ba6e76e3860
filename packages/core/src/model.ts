import type { DataType } from './tensor.js'

/** An input or output of a model. A dimension of -1 is not known before the run. */
export interface TensorInfo {
  readonly name: string
  readonly dataType: DataType
  readonly shape: readonly number[]
}

/**
 * A model as an application names it: a file, or the bytes of one, with a name of your choice for messages. Bytes must stay
 * unchanged until the engine is open.
 */
export type ModelSource = string | URL | ModelBytes | { readonly name: string; readonly bytes: ModelBytes }

export type ModelBytes = Uint8Array | ArrayBuffer | SharedArrayBuffer

/** A model as a backend gets it: a file that exists and is not empty, or bytes that are not empty. */
export type Model =
  | { readonly kind: 'file'; readonly name: string; readonly path: string }
  | { readonly kind: 'bytes'; readonly name: string; readonly bytes: Uint8Array }
