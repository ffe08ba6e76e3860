import { on } from 'node:events'
import { isMainThread } from 'node:worker_threads'
import { type Engine, HalError, type JobId, type WaitOptions } from '@xpu-hal/core'
import { measure, table } from './measure.js'
import { run } from './program.js'
import { filledInputs, postProcess } from './tensors.js'
import { go, joinThreads, startThreads } from './threads.js'

interface Task {
  readonly loops: number
  readonly timeout: number
}

if (isMainThread) {
  await run({
    about: 'The main thread submits runs; another one waits for each of them by its job id.',
    flags: { timeout: { about: 'milliseconds after which it waits anew, 0: never', least: 0, default: 0 } },
    async main({ loops, timeout }, { open }) {
      await using engine = await open()
      const inputs = filledInputs(engine, 0)
      const [thread] = await startThreads(import.meta.url, engine, [{ loops, timeout } satisfies Task])
      if (thread === undefined) return
      const jobs: JobId[] = []
      const measured = await measure(engine, 'collected by a thread', async () => {
        go([thread])
        for (let i = 0; i < loops; i++) {
          const job = await engine.runAsync(inputs)
          thread.worker.postMessage(job)
          jobs.push(job)
        }
        for (const line of await thread.ended) console.log(line)
      })
      console.log(`job ids ${jobs[0]} to ${jobs.at(-1)}: ${new Set(jobs).size} different ones`)
      console.log(table([measured]))
      await mishaps(engine)
    },
  })
} else {
  const { engine, data, main } = await joinThreads<Task>()
  let collected = 0
  let vain = 0
  for await (const [job] of on(main, 'message')) {
    for (;;) {
      try {
        postProcess(await engine.wait(job, { timeout: data.timeout }))
        break
      } catch (error) {
        if (!HalError.isInstance(error) || error.code !== 'HAL_DEADLINE_EXCEEDED') throw error
        vain++ // It goes on, and can be waited for again.
      }
    }
    if (++collected === data.loops) break
  }
  main.postMessage(
    `the thread collected ${collected} jobs in the order of submission; ${vain} times it waited in vain`,
  )
  await engine.close()
}

/** What becomes of waiting that cannot go well. */
async function mishaps(engine: Engine): Promise<void> {
  const inputs = filledInputs(engine, 0)
  const before = await Promise.all(Array.from({ length: 9 }, () => engine.runAsync(inputs)))
  const job = await engine.runAsync(inputs)
  const attempt = async (what: string, options: WaitOptions = {}) => {
    const ending = await engine.wait(job, options).then(
      () => 'its outputs',
      (error: unknown) => HalError.from(error).code,
    )
    console.log(`waiting for the last job ${what}: ${ending}`)
  }
  await attempt('for 1 ms', { timeout: 1 })
  await attempt('with a signal that is aborted', { signal: AbortSignal.abort() })
  await attempt('for as long as it takes')
  await attempt('once more')
  await Promise.all(before.map((other) => engine.wait(other)))
}
