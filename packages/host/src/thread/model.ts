import { copyInPieces, type Model } from '@xpu-hal/core/backend'
import type { MailedModel } from '../workers.js'

/** A model as it is posted to a worker. Posting bytes as they are would stop the event loop while it copies them. */
export async function mailable(model: Model): Promise<MailedModel> {
  if (model.kind === 'file' || model.bytes.buffer instanceof SharedArrayBuffer) return { message: model }
  const bytes = new Uint8Array(model.bytes.byteLength)
  await copyInPieces(model.bytes, bytes)
  return { message: { ...model, bytes }, transfer: [bytes.buffer] }
}
