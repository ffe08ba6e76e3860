import type { Engine, Inputs, Outputs, RunOptions } from '../engine.js'
import { HalError } from '../errors.js'
import { throwIfAborted, watch } from './watch.js'

type Source = Iterable<Inputs> | AsyncIterable<Inputs>

/**
 * Runs items as they come, at most `width` ahead of the consumer, and yields the outputs in their order. Whatever ends
 * it early (the consumer leaves, a run fails, the source throws) cancels what is still queued and waits for the rest.
 */
export async function* stream(
  engine: Pick<Engine, 'run'>,
  items: Source,
  options: RunOptions,
  width: number,
): AsyncGenerator<Outputs, void, void> {
  if (options.outputs !== undefined) {
    const message = 'stream takes no outputs: several runs would write to the same tensors'
    throw new HalError('HAL_INVALID_ARGUMENT', message)
  }
  const source = iterate(items)
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const ahead: Promise<Outputs>[] = []
  let pull: Promise<IteratorResult<Inputs>> | undefined
  let exhausted = false
  let giveUp: (error: HalError) => void = () => {}
  const disarm = watch(
    options.signal === undefined ? {} : { signal: options.signal },
    'the stream',
    (error) => giveUp(error),
  )
  try {
    for (;;) {
      throwIfAborted(options.signal, 'the stream')
      if (!exhausted && ahead.length < width) pull ??= quiet(Promise.resolve(source.next()))
      const [oldest] = ahead
      if (oldest === undefined && pull === undefined) return
      // A source that has nothing to give yet, a camera for example, holds up no result.
      const item = await new Promise<IteratorResult<Inputs> | undefined>((resolve, reject) => {
        giveUp = reject
        pull?.then(resolve, reject)
        oldest?.then(() => resolve(undefined), reject)
      })
      if (item === undefined) {
        ahead.shift()
        yield (await oldest) as Outputs
        continue
      }
      pull = undefined
      if (item.done === true) exhausted = true
      else ahead.push(quiet(engine.run(item.value, { ...options, signal })))
    }
  } finally {
    disarm?.()
    stop.abort()
    await Promise.allSettled(ahead)
    const closed = exhausted ? undefined : source.return?.()
    // A source in the middle of an item closes when it has it: nobody waits for that.
    if (pull === undefined) await closed
    else quiet(Promise.resolve(closed))
  }
}

function iterate(items: Source): Iterator<Inputs> | AsyncIterator<Inputs> {
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = Object(items)
  if (typeof asynchronous === 'function') return asynchronous.call(items)
  if (typeof synchronous === 'function') return synchronous.call(items)
  throw new TypeError('stream needs inputs to iterate over: a list, a generator, an asynchronous source')
}

/** What fails before its turn is no unhandled rejection: its error is thrown when its turn comes. */
function quiet<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {})
  return work
}
