/** Milliseconds of the machine's monotonic clock: comparable between the threads and processes of one machine. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
