import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ort } from '@xpu-hal/backend-ort'
import { cases, runCase } from '@xpu-hal/conformance'
import {
  createHal,
  type Engine,
  type EngineOptions,
  type ModelSource,
  type Tensor,
  tensor,
} from '@xpu-hal/core'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { example, failure, model, openHere } from './support.js'

const isLinux = process.platform === 'linux'
if (!isLinux) console.log('skipped: memory is measured, and processes are workers, on Linux only')
const testOnLinux = test.skipIf(!isLinux)

const SIDE = 2048

/** x times so many matrices of 16 MB, one after the other. */
function product(layers: number): Uint8Array {
  const initializers: Record<string, Tensor> = {}
  for (let layer = 0; layer < layers; layer++) {
    const weights = tensor('float32', [SIDE, SIDE])
    for (let i = 0; i < weights.data.length; i++)
      weights.data[i] = (((i + layer) * 2_654_435_761) % 1000) / 1e6 - 5e-4
    initializers[`w${layer}`] = weights
  }
  const value = (name: string) => ({ name, dataType: 'float32', shape: [1, SIDE] }) as const
  const nodes = Object.keys(initializers).map((name, layer) => ({
    op: 'MatMul',
    inputs: [layer === 0 ? 'x' : `h${layer}`, name],
    outputs: [layer === layers - 1 ? 'y' : `h${layer + 1}`],
  }))
  return model([value('x')], [value('y')], nodes, { initializers })
}

const heavy = product(6)
const light = product(1)
const x = tensor('float32', [1, SIDE])
for (let i = 0; i < SIDE; i++) x.data[i] = Math.sin(i)

async function open(options: EngineOptions, source: ModelSource = light): Promise<Engine> {
  const hal = createHal({ backends: [ort()] })
  onTestFinished(() => hal.close())
  return hal.openEngine(source, { workers: 1, ...options })
}

const answerOf = async (engine: Engine) => (await engine.run({ x })).y as Tensor

/** Bytes that are nobody else's, of this process and its children. */
function anonymous(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim()
  const pids = [process.pid, ...(children === '' ? [] : children.split(' '))]
  const kilobytes = pids.map((pid) => {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
    return Number(/^Pss_Anon: +(\d+)/m.exec(text)?.[1])
  })
  return kilobytes.reduce((sum, kb) => sum + kb * 1024, 0)
}

describe.each(['thread', 'inline'] as const)('a clone in isolation %s', (isolation) => {
  testOnLinux('uses the session there is: three of them take no memory for weights', async () => {
    const engine = await open({ isolation }, heavy)
    const expected = await answerOf(engine)
    await (await engine.clone()).close()
    const before = anonymous()
    const clones = [await engine.clone(), await engine.clone(), await engine.clone()]
    for (const clone of clones) expect(await answerOf(clone)).toEqual(expected)
    // Three threads take about 30 MB.
    expect(anonymous() - before).toBeLessThan(heavy.length / 2)
    expect(clones.map(({ sharesWeights }) => sharesWeights)).toEqual([true, true, true])
  })

  test('may have another number of workers; the session is released with the last of them', async () => {
    const engine = await open({ isolation })
    const clone = await engine.clone({ workers: 3 })
    expect(clone.options.workers).toBe(3)
    const expected = await answerOf(engine)
    await engine.close()
    const answers = await Promise.all(Array.from({ length: 6 }, () => answerOf(clone)))
    for (const answer of answers) expect(answer).toEqual(expected)
  })
})

testOnLinux('in processes a clone has a session of its own, and says so', async () => {
  const engine = await open({ isolation: 'process' })
  const clone = await engine.clone()
  expect(clone.sharesWeights).toBe(false)
  const expected = await answerOf(engine)
  await engine.close()
  expect(await answerOf(clone)).toEqual(expected)
})

describe.skipIf(!isLinux)('mapWeights', () => {
  const mapped: EngineOptions = { isolation: 'process', mapWeights: true }
  const begun = process.env.TMPDIR
  let home = ''
  beforeEach(() => {
    home = process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'xpu-hal-test-'))
  })
  afterEach(() => {
    if (begun === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = begun
    rmSync(home, { recursive: true })
  })

  test('lets all processes of an engine and of its clones use weights that exist once', async () => {
    const engine = await open({ ...mapped, workers: 2 }, heavy)
    const clone = await engine.clone()
    expect([engine, clone].map(({ sharesWeights }) => sharesWeights)).toEqual([false, true])
    const answers = await Promise.all([engine, engine, clone, clone].map(answerOf))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    const before = anonymous()
    const third = await engine.clone({ workers: 1 })
    expect(await answerOf(third)).toEqual(answers[0])
    // A process takes about 20 MB.
    expect(anonymous() - before).toBeLessThan(heavy.length / 2)
  })

  test('answers as without it, but for rounding', async () => {
    const [without, engine] = [await open({ isolation: 'process' }), await open(mapped)]
    const [expected, answer] = [await answerOf(without), await answerOf(engine)]
    expect(answer.shape).toEqual(expected.shape)
    for (let i = 0; i < SIDE; i++) expect(Number(answer.data[i])).toBeCloseTo(Number(expected.data[i]), 6)
  })

  test('keeps the file for this user alone, until the last engine that uses it is closed', async () => {
    const engine = await open(mapped)
    const [folder = '', ...others] = readdirSync(home)
    expect(others).toEqual([])
    const path = join(home, folder)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(readdirSync(path).sort()).toEqual(['model.onnx', 'weights.bin'])
    expect(statSync(join(path, 'weights.bin')).size).toBeGreaterThanOrEqual(4 * SIDE * SIDE)
    expect(statSync(join(path, 'weights.bin')).mode & 0o777).toBe(0o400)
    const clone = await engine.clone()
    await engine.close()
    expect(readdirSync(home)).toEqual([folder])
    await answerOf(clone)
    await clone.close()
    expect(readdirSync(home)).toEqual([])
  })

  test('leaves nothing behind where the application exits with the engine open', () => {
    const file = join(home, 'model.onnx')
    writeFileSync(file, light)
    const program = `
      import { ort } from '@xpu-hal/backend-ort'
      import { createHal } from '@xpu-hal/core'
      const hal = createHal({ backends: [ort()] })
      await hal.openEngine(${JSON.stringify(file)}, { isolation: 'process', workers: 1, mapWeights: true })
      process.exit(5)`
    const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: dirname(fileURLToPath(import.meta.url)),
      stdio: 'inherit',
    })
    expect(status).toBe(5)
    expect(readdirSync(home)).toEqual(['model.onnx'])
  })

  test('a process that takes the place of another one maps the same file', async () => {
    const engine = await open(mapped)
    const expected = await answerOf(engine)
    const recovered = new Promise<void>((resolve) => void engine.on('recovered', resolve))
    const [pid] = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ')
    process.kill(Number(pid), 'SIGKILL')
    await recovered
    expect(await answerOf(engine)).toEqual(expected)
  })

  test.each([
    [
      'a model that is none',
      { name: 'none', bytes: new Uint8Array(100) },
      {},
      'HAL_INVALID_ARGUMENT',
      'none',
    ],
    [
      'weights elsewhere than on the CPU',
      light,
      { executionProvider: 'cuda' },
      'HAL_INVALID_ARGUMENT',
      'mapWeights',
    ],
  ])('refuses %s and leaves nothing', async (_, source, options, code, word) => {
    const opening = open({ ...mapped, ...options }, source)
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringContaining(word) })
    expect(readdirSync(home)).toEqual([])
  })

  test('names the folder for temporary files where it has no place', async () => {
    process.env.TMPDIR = join(home, 'missing')
    await expect(open(mapped)).rejects.toMatchObject({
      code: 'HAL_UNAVAILABLE',
      message: expect.stringContaining('TMPDIR'),
    })
  })

  test('says so where the weights cannot be written', async () => {
    const writeTo = join(home, 'missing', 'model.onnx')
    expect(await failure(() => openHere(light, { weights: { writeTo } }))).toMatchObject({
      code: 'HAL_UNAVAILABLE',
      message: expect.stringMatching(/^model: mapWeights cannot write the weights; .*TMPDIR/),
    })
  })

  test('changes nothing where the workers are in this process: they use one session anyway', async () => {
    const engine = await open({ mapWeights: true })
    expect(readdirSync(home)).toEqual([])
    expect(await answerOf(engine)).toEqual(await answerOf(await open({})))
    expect((await engine.clone()).sharesWeights).toBe(true)
  })

  const held = cases.filter(({ id }) => /^(clone|shapes)\//.test(id))
  test.each(held.map((entry) => [entry.id, entry] as const))(
    'holds what conformance asks: %s',
    async (_, entry) => {
      const options = { ...mapped, workers: 1 }
      const result = await runCase(entry, { name: 'mapWeights', backend: () => ort(), options })
      if (result.status === 'failed') throw result.error
      expect(readdirSync(home)).toEqual([])
    },
  )

  const gauges = example('gauge-reader.onnx')
  test.skipIf(gauges === undefined)('serves a real model of convolutions', async () => {
    const without = await open({ isolation: 'process' }, gauges as string)
    const engine = await open(mapped, gauges as string)
    expect([engine.inputs, engine.outputs]).toEqual([without.inputs, without.outputs])
    const inputs = Object.fromEntries(
      without.inputs.map(({ name, shape }) => {
        const image = tensor('float32', shape.map(Math.abs))
        for (let i = 0; i < image.data.length; i++) image.data[i] = Math.sin(i)
        return [name, image]
      }),
    )
    const expected = Object.values(await without.run(inputs)) as Tensor[]
    const answer = Object.values(await engine.run(inputs)) as Tensor[]
    expect(answer.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape))
    for (const [at, { data }] of expected.entries())
      for (const [i, value] of (data as Float32Array).entries())
        expect(Math.abs(Number(answer[at]?.data[i]) - value)).toBeLessThan(
          1e-4 * Math.max(1, Math.abs(value)),
        )
  })
})
