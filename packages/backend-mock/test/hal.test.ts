import { createBackend, mock } from '@xpu-hal/backend-mock'
import { createHal, type Engine, type EngineOptions, tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { describe, expect, test } from 'vitest'

const value = { dataType: 'float32', shape: [2] } as const

const bytesOf = (op: string) =>
  encodeModel({
    opset: 18,
    graph: {
      name: op,
      inputs: [{ name: 'x', ...value }],
      outputs: [{ name: 'y', ...value }],
      nodes: [{ op, inputs: ['x'], outputs: ['y'] }],
    },
  })

const negation = bytesOf('Neg')
const x = tensor('float32', [2], [1, -2])

async function answer(engine: Engine): Promise<unknown[]> {
  const { y } = await engine.run({ x })
  return Array.from((y?.data ?? []) as Float32Array)
}

describe('an application that is tested with the mock', () => {
  test('finds devices and gets right answers', async () => {
    const hal = createHal({ backends: [createBackend({ devices: 2, cores: 2, name: 'Test NPU' })] })
    const devices = await hal.devices()
    expect(devices.map(({ id, name, kind }) => ({ id, name, kind }))).toEqual([
      { id: 'mock:0', name: 'Test NPU', kind: 'npu' },
      { id: 'mock:1', name: 'Test NPU', kind: 'npu' },
    ])
    await using engine = await hal.openEngine(negation, { devices: ['mock:1'] })
    expect(await answer(engine)).toEqual([-1, 2])
    expect(engine.stats().bytesCopied).toBe(0)
  })

  test('sees how it copes with a fault', async () => {
    const backend = mock()
    const hal = createHal({ backends: [backend] })
    await using engine = await hal.openEngine(negation)
    backend.devices[0]?.inject({ fault: 'wrong-shape' })
    await expect(engine.run({ x })).rejects.toMatchObject({ code: 'HAL_DATA_LOSS' })
    backend.devices[0]?.inject({ fault: 'twice' })
    await engine.run({ x })
    expect(engine.stats().strayAnswers).toBe(1)
    backend.devices[0]?.inject({ fault: 'never' })
    await expect(engine.run({ x }, { timeout: 10 })).rejects.toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED' })
    expect(await answer(engine)).toEqual([-1, 2])
  })

  test('sees a device go and come back', async () => {
    const backend = mock({ computeMs: 3_600_000 })
    const hal = createHal({ backends: [backend] })
    await using engine = await hal.openEngine(negation)
    const seen: string[] = []
    engine.on('lost', () => seen.push('lost')).on('recovered', () => seen.push('recovered'))
    const run = engine.run({ x })
    run.catch(() => {})
    backend.devices[0]?.lose()
    await expect(run).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    await expect(engine.run({ x })).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
    backend.devices[0]?.recover()
    await using quick = await hal.openEngine(negation, { computeMs: 0 })
    expect(await answer(quick)).toEqual([-1, 2])
    expect(seen).toEqual(['lost', 'recovered'])
  })

  test('measures the times that it asked for', async () => {
    const hal = createHal({ backends: [mock({ computeMs: 2 })] })
    await using engine = await hal.openEngine(negation)
    await engine.runBatch([{ x }, { x }, { x }, { x }])
    expect(engine.stats().run.min).toBeCloseTo(2, 1)
  })

  test('gets a model that the mock does not know refused, or answered with zeros', async () => {
    const conv = bytesOf('Conv')
    await expect(createHal({ backends: [mock()] }).openEngine(conv)).rejects.toMatchObject({
      code: 'HAL_UNIMPLEMENTED',
      message: expect.stringMatching(/Conv.*zeros/),
    })
    const hal = createHal({ backends: [mock({ arithmetic: 'zeros' })] })
    await using engine = await hal.openEngine(conv)
    expect(await answer(engine)).toEqual([0, 0])
  })
})

test.each(['thread', 'process', 'inline'] as const)(
  'rows take their time, isolation %s',
  async (isolation) => {
    const value = { dataType: 'float32', shape: ['n', 2] } as const
    const node = { op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }
    const graph = {
      name: 'rows',
      nodes: [node],
      inputs: [{ ...value, name: 'x' }],
      outputs: [{ ...value, name: 'y' }],
    }
    const model = encodeModel({ opset: 18, graph })
    await using hal = createHal({ backends: [mock({ computeMs: 2, computeMsPerRow: 0.5 })] })
    const lengthsOf = async (rows: readonly number[], options: EngineOptions) => {
      await using engine = await hal.openEngine(model, { isolation, ...options })
      const lengths: number[] = []
      engine.on('run', ({ startedAt = 0, endedAt = 0 }) =>
        lengths.push(Math.round((endedAt - startedAt) * 1e3) / 1e3),
      )
      for (const count of rows) {
        await engine.run({ x: tensor('float32', [count, 2]) })
        engine.runSync({ x: tensor('float32', [count, 2]) })
      }
      return lengths
    }
    expect(await lengthsOf([1, 4, 0], {})).toEqual([2.5, 2.5, 4, 4, 2, 2])
    expect(await lengthsOf([4], { computeMsPerRow: 1 })).toEqual([6, 6])
  },
)

describe('a configuration that can not be', () => {
  test.each([
    [{ cores: 0 }, /cores must be a whole number from 1/],
    [{ devices: -1 }, /devices/],
    [{ devices: [{}, { cores: 1.5 }] }, /devices\[1\]\.cores/],
    [{ computeMs: -1 }, /computeMs.*-1/],
    [{ computeMs: { min: 2, max: 1 } }, /computeMs/],
    [{ computeMsPerRow: 'fast' as never }, /computeMsPerRow.*"fast"/],
    [{ transferMs: [1, 2] }, /transferMs has 2 entries, but the device has 3 cores/],
    [{ models: { face: { computeMs: Number.NaN } } }, /models\["face"\]\.computeMs/],
    [{ seed: 0.5 }, /seed/],
    [{ arithmetic: 'none' as 'zeros' }, /arithmetic/],
    [{ corse: 2 } as object, /no setting corse; there are .*cores/],
  ])('%j', (config, message) => {
    expect(() => mock(config)).toThrow(message)
    expect(() => mock(config)).toThrow(expect.objectContaining({ code: 'HAL_INVALID_ARGUMENT' }))
  })
})
