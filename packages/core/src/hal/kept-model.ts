import { setImmediate as turn } from 'node:timers/promises'
import type { PlacedDriver } from '../engine/client.js'
import type { Model } from '../model.js'

/** Bytes copied between two turns of the event loop: about a millisecond. */
const PIECE = 2 ** 22

/** The model of an engine that is about to be handed over, as its clones will need it: from then on the caller may change bytes. */
export async function keptModel(model: Model, drivers: readonly PlacedDriver[]): Promise<Model> {
  if (model.kind === 'file') return model
  const { bytes } = model
  const kept = new Uint8Array(
    drivers.every(({ driver }) => driver.keepsModel === true) ? 0 : bytes.byteLength,
  )
  for (let at = 0; at < kept.length; at += PIECE) {
    if (at > 0) await turn()
    kept.set(bytes.subarray(at, at + PIECE), at)
  }
  return { ...model, bytes: kept }
}
