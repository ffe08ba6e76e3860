import { isMainThread } from 'node:worker_threads'
import { measure, table } from './measure.js'
import { run } from './program.js'
import { filledInputs, postProcess } from './tensors.js'
import { go, joinThreads, startThreads } from './threads.js'

interface Task {
  readonly thread: number
  readonly loops: number
}

/** Goes with a run to the engine, and comes back with its outputs to the callback. */
interface UserArg {
  readonly thread: number
  readonly index: number
}

if (isMainThread) {
  await run({
    about: 'Several threads submit runs to one engine; one callback on the main thread gets all outputs.',
    flags: {
      threads: { about: 'threads', least: 1, default: 3 },
      end: {
        about: 'ends thread 0 by force when that many of its runs were called back',
        least: 0,
        default: 0,
      },
    },
    async main({ loops, threads: count, end }, { open }) {
      await using engine = await open()
      const called = Array.from({ length: count }, () => 0)
      const tasks = called.map((_, thread) => ({ thread, loops }) satisfies Task)
      const threads = await startThreads(import.meta.url, engine, tasks)
      engine.registerCallback((outputs, userArg) => {
        postProcess(outputs)
        const { thread } = userArg as UserArg
        const calls = (called[thread] ?? 0) + 1
        called[thread] = calls
        if (thread === 0 && calls === end) threads[0]?.worker.terminate()
      })
      const measured = await measure(engine, `${count} threads`, async () => {
        go(threads)
        await Promise.all(threads.map(({ ended }) => ended))
        await engine.close()
      })
      for (const [thread, calls] of called.entries()) {
        const how = thread === 0 && end > 0 && calls < loops ? ', then it was ended' : ''
        console.log(`thread ${thread}: ${calls} of ${loops} runs called back${how}`)
      }
      const { succeeded, accepted, bytesCopied } = measured.stats
      console.log(
        `${succeeded} of ${accepted} accepted runs succeeded; ${bytesCopied} bytes were copied between the threads`,
      )
      console.log(table([measured]))
    },
  })
} else {
  const { engine, data } = await joinThreads<Task>()
  const { thread, loops } = data
  const inputs = filledInputs(engine, 0)
  for (let index = 0; index < loops; index++) {
    await engine.runAsync(inputs, { thread, index } satisfies UserArg)
  }
  await engine.close()
}
