import { HalError, type Logger, now, type RunAnswer, type SyncRequest } from '@xpu-hal/core/backend'
import type { AnyRunner, RunnerAnswer, RunnerCall } from './runner.js'

/** Executes a request on the calling thread. Throws a HalError on failure. */
export function runHere(runner: AnyRunner, job: number, request: SyncRequest): RunAnswer {
  const { inputs, inputNames, outputs } = request
  const startedAt = now()
  try {
    const answer = execute(runner, { job, inputs, inputNames, outputs, lend: false })
    return { ...answer, startedAt, endedAt: now() }
  } catch (error) {
    throw HalError.from(error)
  }
}

function execute(runner: AnyRunner, call: RunnerCall): RunnerAnswer {
  if ('run' in runner) return runner.run(call)
  runner.send(call)
  return runner.receive()
}

/** Closes a runner that another takes the place of. */
export function closeLost(runner: AnyRunner, logger: Logger): void {
  try {
    runner.close()
  } catch (cause) {
    const error = HalError.from(cause)
    logger('warn', `closing a runner that is lost: ${error.message}`, { error })
  }
}

/** The runner of `runSync` beside worker threads: opened on the calling thread when it is first used. */
export class SyncRunner {
  #runner: AnyRunner | undefined

  constructor(
    private readonly open: () => AnyRunner | Promise<AnyRunner>,
    private readonly logger: Logger,
  ) {}

  run(request: SyncRequest): RunAnswer {
    this.#runner ??= this.#open()
    const runner = this.#runner
    try {
      return runHere(runner, 0, request)
    } finally {
      if (runner.lost !== undefined) {
        this.#runner = undefined
        closeLost(runner, this.logger)
      }
    }
  }

  close(): void {
    this.#runner?.close()
    this.#runner = undefined
  }

  #open(): AnyRunner {
    let runner: AnyRunner | Promise<AnyRunner>
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
