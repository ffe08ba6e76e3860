/** The words of a worker's control block, which both sides touch with Atomics only. */
export const Word = {
  /** Counts what was sent to the worker; it sleeps until this changes. */
  wake: 0,
  /** Counts the messages posted to the worker, which it has no event loop to be told of. */
  mail: 1,
  /** 1 while a doorbell is on its way to main. */
  bell: 2,
  /** 1 while the worker is in the hands of its runner's module. */
  busy: 3,
  /** 1 while the worker sleeps where only a doorbell wakes it. */
  asleep: 4,
  count: 5,
} as const

export const CONTROL_BYTES = Word.count * Int32Array.BYTES_PER_ELEMENT
