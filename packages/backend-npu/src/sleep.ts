const bed = new Int32Array(new SharedArrayBuffer(4))

/** Blocks the thread. Not for the main thread. */
export function sleep(milliseconds: number): void {
  if (milliseconds > 0) Atomics.wait(bed, 0, 0, milliseconds)
}
