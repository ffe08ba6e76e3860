import type { Engine, Inputs, Outputs, RunOptions } from '../engine.js'

/**
 * Runs items as they come, at most `width` ahead of the consumer, and yields the outputs in their order. Whatever ends
 * it early (the consumer leaves, a run fails, the source throws) cancels what is still queued and waits for the rest.
 */
export async function* stream(
  engine: Pick<Engine, 'run'>,
  items: Iterable<Inputs> | AsyncIterable<Inputs>,
  options: RunOptions,
  width: number,
): AsyncGenerator<Outputs, void, void> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const ahead: Promise<Outputs>[] = []
  let exhausted = false
  try {
    for (;;) {
      while (!exhausted && ahead.length < width) {
        const item = await source.next()
        if (item.done === true) exhausted = true
        else ahead.push(quiet(engine.run(item.value, { ...options, signal })))
      }
      const oldest = ahead.shift()
      if (oldest === undefined) return
      yield await oldest
    }
  } finally {
    stop.abort()
    await Promise.allSettled(ahead)
    if (!exhausted) await source.return?.()
  }
}

/** A run that fails before its turn is no unhandled rejection: its error is thrown when its turn comes. */
function quiet(run: Promise<Outputs>): Promise<Outputs> {
  run.catch(() => {})
  return run
}
