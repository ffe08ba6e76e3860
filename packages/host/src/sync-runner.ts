import { HalError, now, type RunAnswer, type SyncRequest } from '@xpu-hal/core/backend'
import type { Runner } from './runner.js'

/** Executes a request on the calling thread. Throws a HalError on failure. */
export function runHere(runner: Runner, job: number, request: SyncRequest): RunAnswer {
  const { inputs, inputNames, outputs } = request
  const startedAt = now()
  try {
    const answer = runner.run({ job, inputs, inputNames, outputs })
    return { ...answer, startedAt, endedAt: now() }
  } catch (error) {
    throw HalError.from(error)
  }
}

/** The runner of `runSync` beside worker threads: opened on the calling thread when it is first used. */
export class SyncRunner {
  #runner: Runner | undefined

  constructor(readonly open: () => Runner | Promise<Runner>) {}

  run(request: SyncRequest): RunAnswer {
    this.#runner ??= this.#open()
    return runHere(this.#runner, 0, request)
  }

  close(): void {
    this.#runner?.close()
    this.#runner = undefined
  }

  #open(): Runner {
    let runner: Runner | Promise<Runner>
    try {
      runner = this.open()
    } catch (error) {
      throw HalError.from(error)
    }
    if (!(runner instanceof Promise)) return runner
    runner.then(
      (late) => late.close(),
      () => {},
    )
    throw new HalError('HAL_UNIMPLEMENTED', 'this runner opens asynchronously, so it cannot serve runSync')
  }
}
