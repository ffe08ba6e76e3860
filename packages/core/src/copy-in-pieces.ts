import { setImmediate as turn } from 'node:timers/promises'

/** Bytes copied between two turns of the event loop: about a millisecond. */
export const PIECE = 2 ** 22

/** Copies the bytes of a model, which at once would stop the event loop. `to` is as long as `from`. */
export async function copyInPieces(from: Uint8Array, to: Uint8Array): Promise<void> {
  for (let at = 0; at < from.length; at += PIECE) {
    if (at > 0) await turn()
    to.set(from.subarray(at, at + PIECE), at)
  }
}
