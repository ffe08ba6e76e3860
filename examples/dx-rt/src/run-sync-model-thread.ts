import { isMainThread } from 'node:worker_threads'
import { comparison, measure, table } from './measure.js'
import { run } from './program.js'
import { filledInputs, postProcess } from './tensors.js'
import { go, joinThreads, startThreads } from './threads.js'

interface Task {
  readonly thread: number
  readonly loops: number
}

if (isMainThread) {
  await run({
    about: 'Several threads use one engine, each of them synchronously: one run after the other.',
    flags: { threads: { about: 'threads', least: 1, default: 3 } },
    async main({ loops, threads: count }, { open }) {
      await using engine = await open()
      const rows = []
      for (const threads of count === 1 ? [1] : [1, count]) {
        const tasks = Array.from({ length: threads }, (_, thread) => ({ thread, loops }) satisfies Task)
        const started = await startThreads(import.meta.url, engine, tasks)
        const way = threads === 1 ? '1 thread' : `${threads} threads`
        const measured = await measure(engine, way, async () => {
          go(started)
          for (const { ended } of started) for (const line of await ended) console.log(`${way}: ${line}`)
        })
        rows.push(measured)
      }
      console.log(table(rows))
      const [one, several] = rows
      if (one && several) console.log(comparison(several.way, several, one))
      console.log(`${engine.stats().bytesCopied} bytes were copied between the threads`)
    },
  })
} else {
  const { engine, data, main } = await joinThreads<Task>()
  const inputs = filledInputs(engine, data.thread + 1)
  const answers = new Set<unknown>()
  for (let i = 0; i < data.loops; i++) {
    const outputs = engine.runSync(inputs) // This thread stands still; the others do not.
    postProcess(outputs)
    answers.add(Object.values(outputs)[0]?.data[0])
  }
  main.postMessage(
    `thread ${data.thread} did ${data.loops} runs; the answer was always ${[...answers].join(', ')}`,
  )
  await engine.close()
}
