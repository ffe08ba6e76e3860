import { type EngineDriver, HalError } from '@xpu-hal/core/backend'
import { freeAll } from './free.js'
import { importRunner } from './module.js'
import type { HostOptions } from './options.js'
import type { AnyRunner } from './runner.js'
import { runHere } from './sync-runner.js'

/** Everything on the calling thread: nothing to hand over, and the event loop stands still during a run. */
export async function inlineDriver<Config>(options: HostOptions<Config>): Promise<EngineDriver> {
  const { config, model, workers, logger } = options
  try {
    const module = await importRunner(options.module.href)
    const loaded = await module.load(config, model)
    const runners: AnyRunner[] = []
    const free = () =>
      freeAll(
        [...runners.map((runner) => () => runner.close()), () => module.unload?.(loaded.shared)],
        logger,
      )
    try {
      for (const [index, { core }] of workers.entries()) {
        runners.push(await module.open(config, loaded.shared, { index, core }))
      }
    } catch (error) {
      await free().catch(() => {})
      throw error
    }
    const { inputs, outputs, outputShapes } = loaded
    const runnerOf = (lane: number) => runners[lane] as AnyRunner
    let closed: Promise<void> | undefined
    return {
      inputs,
      outputs,
      outputShapes,
      memory: 'any',
      lanes: workers.map(({ core }) => ({ core, depth: 1 })),
      doRun(run) {
        let answer: ReturnType<typeof runHere>
        try {
          answer = runHere(runnerOf(run.lane), run.job, run)
        } catch (error) {
          return run.fail(error)
        }
        run.done(answer)
      },
      doRunSync: (request) => runHere(runnerOf(0), 0, request),
      doClose: () => {
        closed ??= free()
        return closed
      },
    }
  } catch (error) {
    throw HalError.from(error)
  }
}
