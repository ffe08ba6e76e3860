import { MessagePort } from 'node:worker_threads'
import { checkWaitOptions, watch } from '../engine/watch.js'
import type { Engine, EngineHandle, WaitOptions } from '../engine.js'
import { HalError } from '../errors.js'
import { Connection } from './connection.js'
import { type Hello, PROTOCOL } from './message.js'
import { RemoteEngine } from './remote-engine.js'

const used = new WeakSet<EngineHandle>()

/**
 * The engine behind a handle of `engine.share`, on the thread that this is called on. All methods work as those of the engine
 * itself, on the same queue, jobs, callback and statistics, but for this:
 *
 * - `tryRunAsync`, `runSync`, `stats` and `resetStats` stop the calling thread until the engine's thread has answered, and fail
 *   with HAL_FAILED_PRECONDITION on that thread itself.
 * - Tensors on SharedArrayBuffers cross by reference, others are copied and counted in `stats().bytesCopied`. A `userArg` is
 *   cloned.
 * - `close` waits for the runs of this thread and closes the connection; the engine stays open, unless it is a clone that was
 *   made over a connection: that one belongs to whoever made it, and closes with the connection.
 *
 * When this thread ends, its `run`s are cancelled, and what it has submitted with `runAsync` goes on. When the engine's thread
 * ends, what is pending fails with HAL_DEVICE_LOST.
 *
 * @throws TypeError when it is no handle; HalError HAL_FAILED_PRECONDITION when it was used before.
 */
export async function connectEngine(handle: EngineHandle, options: WaitOptions = {}): Promise<Engine> {
  if (!(handle instanceof MessagePort))
    throw new TypeError('connectEngine needs the handle that share() gave')
  checkWaitOptions(options)
  if (used.has(handle)) {
    throw new HalError(
      'HAL_FAILED_PRECONDITION',
      'the handle was used before: share() gives one for each use',
    )
  }
  used.add(handle)
  const connection = new Connection(handle)
  const disarm = watch(options, 'connecting to the engine', (error) => connection.close(error))
  try {
    const hello = await connection.ask({ kind: 'connect', protocol: PROTOCOL })
    return new RemoteEngine(connection, hello as Hello, connectEngine)
  } catch (error) {
    connection.close(HalError.from(error))
    throw error
  } finally {
    disarm?.()
  }
}
