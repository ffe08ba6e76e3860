import { setImmediate as turn } from 'node:timers/promises'
import type { Model } from '@xpu-hal/core/backend'
import type { MailedModel } from '../workers.js'

/** Bytes copied between two turns of the event loop: about a millisecond. */
export const PIECE = 2 ** 22

/** A model as it is posted to a worker. Posting bytes as they are would stop the event loop while it copies them. */
export async function mailable(model: Model): Promise<MailedModel> {
  if (model.kind === 'file' || model.bytes.buffer instanceof SharedArrayBuffer) return { message: model }
  const bytes = new Uint8Array(model.bytes.byteLength)
  for (let at = 0; at < bytes.length; at += PIECE) {
    if (at > 0) await turn()
    bytes.set(model.bytes.subarray(at, at + PIECE), at)
  }
  return { message: { ...model, bytes }, transfer: [bytes.buffer] }
}
