import { readFileSync } from 'node:fs'
import { ort } from '@xpu-hal/backend-ort'
import { createHal, tensor } from '@xpu-hal/core'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'

/** `SIDE COUNT MODEL`: predicts once with each of COUNT workers or sessions and prints the resident kilobytes. */
const [side, count, model] = process.argv.slice(2) as [string, string, string]

if (side === 'ours') {
  const hal = createHal({ backends: [ort()] })
  const engine = await hal.openEngine(model, { workers: Number(count), threadsPerWorker: 1 })
  const x = tensor('float32', [1, 2048])
  // Together, so that every worker has one.
  await Promise.all(Array.from({ length: Number(count) }, () => engine.run({ x })))
  console.log(residentKb())
  await hal.close()
} else {
  const sessions: InferenceSession[] = []
  for (let i = 0; i < Number(count); i++) {
    const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 })
    sessions.push(session)
    await session.run({ x: new OrtTensor('float32', new Float32Array(2048), [1, 2048]) })
  }
  console.log(residentKb())
}

function residentKb(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
}
