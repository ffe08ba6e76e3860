import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ort } from '@xpu-hal/backend-ort'
import { createHal, type EngineOptions, tensor } from '@xpu-hal/core'
import { afterAll, describe, expect, test } from 'vitest'
import { identity, model } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-warm-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface ProfileEvent {
  readonly name: string
  readonly tid: number
}

/** On which thread each run of the session was, as ONNX Runtime itself has seen it. */
function threadsOfRuns(): number[] {
  const [file] = readdirSync(folder)
  const events = JSON.parse(readFileSync(join(folder, file as string), 'utf8')) as ProfileEvent[]
  return events.filter(({ name }) => name === 'model_run').map(({ tid }) => tid)
}

test('every worker executes the warm-up on its own thread', async () => {
  await using hal = createHal({ backends: [ort()] })
  const options: EngineOptions = { workers: 3, warmUp: 2, profiling: join(folder, 'profile') }
  const engine = await hal.openEngine(identity('float32', ['n', 2]), options)
  expect(engine.stats().accepted).toBe(0)
  await engine.close()
  const threads = threadsOfRuns()
  expect(threads).toHaveLength(6)
  expect(new Set(threads).size).toBe(3)
})

test('strings and open dimensions are no obstacle', async () => {
  await using hal = createHal({ backends: [ort()] })
  const model = identity('string', ['n', 2])
  for (const isolation of ['thread', 'process', 'inline'] as const) {
    await using engine = await hal.openEngine(model, { isolation, warmUp: 1, workers: 1 })
    const x = tensor('string', [1, 2], ['a', 'b'])
    expect(await engine.run({ x })).toEqual({ y: x })
  }
})

test('a run that fails with zeros may succeed with the inputs that are given', async () => {
  await using hal = createHal({ backends: [ort()] })
  // The 1 element of zeros cannot be reshaped to 6.
  const x = { name: 'x', dataType: 'float32', shape: ['n'] } as const
  const y = { name: 'y', dataType: 'float32', shape: [3, 2] } as const
  const shape = tensor('int64', [2], [3n, 2n])
  const bytes = model([x], [y], [{ op: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }], {
    initializers: { shape },
  })
  await expect(hal.openEngine(bytes, { warmUp: 1 })).rejects.toMatchObject({
    message: expect.stringMatching(/^the warm-up failed \(run 1 of 1, with zeros, on ort:cpu CPU\)/),
    native: { status: expect.any(String) },
  })
  const warmUpInputs = { x: tensor('float32', [6]) }
  await using engine = await hal.openEngine(bytes, { warmUp: 1 }, { warmUpInputs })
  expect(engine.stats().accepted).toBe(0)
})

describe('workers', () => {
  const cores = availableParallelism()
  const opened = async (options: EngineOptions) => {
    const warnings: string[] = []
    const logger = (level: string, message: string) => void (level === 'warn' && warnings.push(message))
    await using hal = createHal({ backends: [ort()], logger })
    const given = { devices: ['ort:cpu'], ...options }
    await using engine = await hal.openEngine(identity('float32', [1]), given)
    return { workers: engine.options.workers, warnings }
  }

  test("'auto' is what leaving it out is: the cores over threadsPerWorker", async () => {
    expect(await opened({ workers: 'auto' })).toMatchObject({ workers: cores, warnings: [] })
    expect(await opened({})).toMatchObject({ workers: cores })
    expect(await opened({ workers: 'auto', threadsPerWorker: cores })).toMatchObject({ workers: 1 })
    expect(await opened({ isolation: 'inline' })).toMatchObject({ workers: 1 })
  })

  test('more threads than the machine has cores are had, with one warning', async () => {
    const { workers, warnings } = await opened({ workers: cores, threadsPerWorker: 2 })
    expect(workers).toBe(cores)
    expect(warnings).toEqual([expect.stringContaining(`${cores} workers of 2 threads, and ${cores} cores`)])
  })
})
