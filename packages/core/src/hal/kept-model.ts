import { copyInPieces } from '../copy-in-pieces.js'
import type { PlacedDriver } from '../engine/client.js'
import type { Model } from '../model.js'

/** The model of an engine that is about to be handed over, as its clones will need it: from then on the caller may change bytes. */
export async function keptModel(model: Model, drivers: readonly PlacedDriver[]): Promise<Model> {
  if (model.kind === 'file') return model
  const { bytes } = model
  if (drivers.every(({ driver }) => driver.keepsModel === true)) return { ...model, bytes: new Uint8Array(0) }
  const kept = new Uint8Array(bytes.byteLength)
  await copyInPieces(bytes, kept)
  return { ...model, bytes: kept }
}
