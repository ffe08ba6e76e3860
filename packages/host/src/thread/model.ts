import { setImmediate as turn } from 'node:timers/promises'
import type { Model } from '@xpu-hal/core/backend'

/** Bytes copied between two turns of the event loop: about a millisecond. */
export const PIECE = 2 ** 22

export interface ModelMail {
  readonly model: Model
  /** What the worker takes over instead of getting a copy. */
  readonly transfer: readonly ArrayBuffer[]
}

/** A model as it is posted to a worker. Posting bytes as they are would stop the event loop while it copies them. */
export async function mailable(model: Model): Promise<ModelMail> {
  if (model.kind === 'file' || model.bytes.buffer instanceof SharedArrayBuffer) return { model, transfer: [] }
  const bytes = new Uint8Array(model.bytes.byteLength)
  for (let at = 0; at < bytes.length; at += PIECE) {
    if (at > 0) await turn()
    bytes.set(model.bytes.subarray(at, at + PIECE), at)
  }
  return { model: { ...model, bytes }, transfer: [bytes.buffer] }
}
