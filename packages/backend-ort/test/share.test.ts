import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { createHal, type Engine, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import { afterEach, describe, expect, test } from 'vitest'
import { identity, longRun, nonZero } from './support.js'

// Worker threads need JavaScript on disk: these tests run what was built.
const built = new URL('../dist/index.js', import.meta.url)
const { ort } = (await import(built.href)) as typeof import('../src/index.js')

const hal = createHal({ backends: [ort()] })
const engines: Engine[] = []
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
})

async function open(model: Uint8Array, isolation: 'thread' | 'process' | 'inline'): Promise<Engine> {
  const engine = await hal.openEngine(model, { isolation })
  engines.push(engine)
  return engine
}

/** What a thread gets for these inputs, again and again. */
async function onThread(
  engine: Engine,
  inputs: Readonly<Record<string, Pick<Tensor, 'dataType' | 'shape' | 'data'>>>,
): Promise<{ outputs: Outputs[]; bytesCopied: number }> {
  const handle = engine.share()
  const worker = new Worker(new URL('./fixtures/share-user.mjs', import.meta.url), {
    workerData: { handle, inputs, runs: 3 },
    transferList: [handle],
  })
  const [answer] = await once(worker, 'message')
  await once(worker, 'exit')
  return answer
}

const square = { dataType: 'float32', shape: [2, 2], data: Float32Array.of(1, 1, 0, 1) } as const

describe.each(['thread', 'inline', 'process'] as const)(
  "an engine of isolation '%s' on another thread",
  (isolation) => {
    test('computes what it computes here', async () => {
      const engine = await open(longRun(2, 3), isolation)
      const { outputs, bytesCopied } = await onThread(engine, { x: square })
      expect(outputs.map(({ y }) => Array.from(y?.data as Float32Array))).toEqual(Array(4).fill([1, 4, 0, 1]))
      // Tensors of other processes cannot cross to threads by reference.
      expect(bytesCopied).toBe(isolation === 'process' ? 4 * 32 : 0)
    })

    test('gives strings, which are copied and counted', async () => {
      const engine = await open(identity('string', [2]), isolation)
      const x = tensor('string', [2], ['ab', 'ü'])
      const { outputs, bytesCopied } = await onThread(engine, { x })
      expect(outputs.map(({ y }) => y)).toEqual(Array(4).fill(x))
      expect(bytesCopied).toBeGreaterThanOrEqual(4 * 2 * 4)
    })

    test('gives outputs whose size only the run tells', async () => {
      const engine = await open(nonZero(4, [1, '?']), isolation)
      const x = { dataType: 'float32', shape: [4], data: Float32Array.of(0, 5, 0, 5) } as const
      const { outputs } = await onThread(engine, { x })
      expect(outputs.map(({ y }) => Array.from(y?.data as BigInt64Array))).toEqual(Array(4).fill([1n, 3n]))
    })
  },
)
