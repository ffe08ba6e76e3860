import { copyFileSync, cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npu, referenceLibrary } from '@xpu-hal/backend-npu'
import { createHal, type RunMetrics } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { describe, expect, test } from 'vitest'
import { prepareInputs } from '../src/inputs.js'
import { faceLocator } from '../src/models/locator.js'
import { referenceRuntime } from '../src/runtime.js'
import { drawLots, paint } from '../src/scene.js'
import { demo, folder, program, rows, start } from './program.js'

const runtime = available()

function available() {
  try {
    return referenceRuntime(referenceLibrary)
  } catch (error) {
    console.log(`skipped: ${(error as Error).message}`)
    return undefined
  }
}

describe.skipIf(runtime === undefined)('the demo on the reference runtime', () => {
  const { library, args } = runtime ?? { library: '', args: {} }
  const found = async () => rows((await demo()).stdout).map((row) => row.found)

  test('runs both models in two instances and finds what ort finds', async () => {
    const { code, stdout, stderr } = await demo('--backend', 'npu')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [faces, objects] = await found()
    expect(rows(stdout)).toEqual([
      { device: 'npu:0', core: 'NPU_0', model: 'face-locator', found: faces },
      { device: 'npu:0', core: 'NPU_1', model: 'object-detector', found: objects },
    ])
    expect(stdout).toMatch(/^npu:0 is XPU HAL reference runtime/m)
  })

  test('shares the work with ort', async () => {
    const { code, stdout, stderr } = await demo('--backend', 'npu,ort')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [faces, objects] = await found()
    expect(rows(stdout)).toEqual([
      { device: 'npu:0', core: 'NPU_0', model: 'face-locator', found: faces },
      { device: 'ort:cpu', core: 'CPU', model: 'object-detector', found: objects },
    ])
  })

  test('takes another runtime from the working directory, with its arguments', async () => {
    copyFileSync(library, join(folder, 'libVendor.so'))
    const given = ['--lib', 'libVendor.so', '--lib-arg', `ort_library=${args.ort_library}`]
    const { stdout } = await demo('--backend', 'npu', ...given, '--lib-arg', 'n_duplicates:int=2')
    expect(rows(stdout)).toHaveLength(2)
  })

  test.each([
    ['text', 'num_threads=many', "'many'"],
    ['numbers', 'n_duplicates:int=0', 'from 1 to 1024'],
  ])('gives it %s, and says what it has against them', async (_, arg, reason) => {
    const { code, stderr } = await demo('--backend', 'npu', '--lib-arg', arg)
    expect(code).toBe(1)
    expect(stderr).toContain(reason)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('two engines, each bound to its instance, run at the same time', async () => {
    const picture = await paint(drawLots(1))
    await using hal = createHal({ backends: [npu({ library, args, instances: 2 })] })
    const spans = await Promise.all(
      ['NPU_0', 'NPU_1'].map(async (core) => {
        const engine = await hal.openEngine(encodeModel(faceLocator()), { boundOption: [core] })
        const inputs = await prepareInputs(engine.inputs, picture, { mean: 127, scale: 128 })
        await engine.run(inputs)
        const runs: RunMetrics[] = []
        engine.on('run', (metrics) => runs.push(metrics))
        await engine.runBatch(Array.from({ length: 40 }, () => inputs))
        return runs.map(({ core, startedAt = 0, endedAt = 0 }) => ({ core, startedAt, endedAt }))
      }),
    )
    const [first = [], second = []] = spans
    expect(new Set([...first, ...second].map(({ core }) => core))).toEqual(new Set(['NPU_0', 'NPU_1']))
    const both = first.filter((a) => second.some((b) => a.startedAt < b.endedAt && b.startedAt < a.endedAt))
    expect(both.length).toBeGreaterThan(0)
  })
})

test('says in one line what to do where the reference runtime is not built', async () => {
  const copy = withoutNatives()
  const { code, stdout, stderr } = await start(copy, '--backend', 'npu')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('--lib')
  expect(stderr).toContain('build.mjs')
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

/** The program with a backend-npu that lacks its native part. Gives the path of the program. */
function withoutNatives(): string {
  const root = join(folder, 'without natives')
  const installed = fileURLToPath(new URL('../node_modules', import.meta.url))
  const packages = join(root, 'node_modules', '@xpu-hal')
  const bare = join(packages, 'backend-npu')
  mkdirSync(bare, { recursive: true })
  for (const file of ['package.json', 'dist']) {
    cpSync(join(installed, '@xpu-hal', 'backend-npu', file), join(bare, file), { recursive: true })
  }
  symlinkSync(join(installed, '@xpu-hal', 'backend-npu', 'node_modules'), join(bare, 'node_modules'))
  for (const name of ['core', 'onnx']) symlinkSync(join(installed, '@xpu-hal', name), join(packages, name))
  for (const name of ['sharp', 'onnxruntime-node']) {
    symlinkSync(join(installed, name), join(root, 'node_modules', name))
  }
  cpSync(dirname(program), join(root, 'dist'), { recursive: true })
  cpSync(fileURLToPath(new URL('../package.json', import.meta.url)), join(root, 'package.json'))
  return join(root, 'dist', 'main.js')
}
