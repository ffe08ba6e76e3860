import { describe, expect, it } from 'vitest'
import { createHal, type EngineOptions, HalError, type Logger } from '../src/index.ts'
import { failure, ManualBackend, type ManualDeviceSpec, MODEL } from './fixtures/manual-backend.ts'

const refuse = (message: string): ManualDeviceSpec => ({
  open: async () => {
    throw new HalError('HAL_UNIMPLEMENTED', message)
  },
})
const cpu = (more: ManualDeviceSpec = {}) => new ManualBackend('ort', [{ kind: 'cpu', ...more }])
const npu = (more: ManualDeviceSpec = {}) => new ManualBackend('npu', [more])

/** Opens with these backends; gives the device taken, the reasons of all, and what was logged as a warning. */
async function open(backends: ManualBackend[], options: EngineOptions = {}) {
  const warnings: string[] = []
  const logger: Logger = (level, message) => level === 'warn' && warnings.push(message)
  const hal = createHal({ backends, logger })
  const engine = await hal.openEngine(MODEL, options)
  return { taken: engine.device.id, selection: engine.selection, warnings, engine }
}

describe("devices: 'auto'", () => {
  it('prefers accelerators, in the order of backends', async () => {
    const gpu = new ManualBackend('gpu', [{ kind: 'gpu' }])
    const { taken, selection, warnings } = await open([cpu(), gpu, npu()])
    expect(taken).toBe('npu:0')
    expect(selection.map(({ device, taken }) => [device, taken])).toEqual([
      ['npu:0', true],
      ['gpu:0', false],
      ['ort:0', false],
    ])
    expect(warnings).toEqual([])
  })

  it('refuses the CPU when the accelerator fails, and says why', async () => {
    const error = await failure(open([npu(refuse('no Softmax')), cpu()]))
    expect(error.code).toBe('HAL_UNAVAILABLE')
    for (const words of ['no Softmax', "devices: ['ort:0']", "fallback: 'warn'"])
      expect(error.message).toContain(words)
  })

  it('refuses the CPU also when the accelerator is absent', async () => {
    const absent = npu()
    absent.refusal = new HalError('HAL_UNAVAILABLE', 'no driver loaded')
    const error = await failure(open([absent, cpu()]))
    expect(error.message).toContain('no driver loaded')
    const { taken } = await open([absent, cpu()], { fallback: 'allow' })
    expect(taken).toBe('ort:0')
  })

  it.each([
    ['warn', 1],
    ['allow', 0],
  ] as const)('takes the CPU with fallback %s and %d warnings', async (fallback, count) => {
    const { taken, warnings, selection } = await open([npu(refuse('no Softmax')), cpu()], { fallback })
    expect(taken).toBe('ort:0')
    expect(warnings).toHaveLength(count)
    if (count > 0) expect(warnings[0]).toContain('no Softmax')
    expect(selection).toMatchObject([
      { device: 'npu:0', taken: false, reason: 'no Softmax' },
      { device: 'ort:0', taken: true },
    ])
  })

  it('takes the CPU without a word where there is nothing else', async () => {
    const { taken, warnings } = await open([cpu()])
    expect([taken, warnings]).toEqual(['ort:0', []])
  })

  it('goes on to the next accelerator', async () => {
    const two = new ManualBackend('npu', [refuse('too large'), {}])
    expect((await open([two, cpu()])).taken).toBe('npu:1')
  })

  it('without any device names the reasons', async () => {
    expect((await failure(open([]))).code).toBe('HAL_UNAVAILABLE')
    const empty = new ManualBackend('npu', [])
    expect((await failure(open([empty]))).message).toContain('no device')
  })
})

describe('devices: a list', () => {
  it('names devices and backends in order of preference', async () => {
    const both = [npu(), cpu()]
    expect((await open(both, { devices: ['ort:0', 'npu:0'] })).taken).toBe('ort:0')
    expect((await open([npu(), cpu()], { devices: ['npu'] })).taken).toBe('npu:0')
  })

  it('that names the CPU falls back to it with a warning', async () => {
    const { taken, warnings } = await open([npu(refuse('no Softmax')), cpu()], {
      devices: ['npu:0', 'ort:0'],
    })
    expect(taken).toBe('ort:0')
    expect(warnings).toHaveLength(1)
  })

  it('does not take what it does not name', async () => {
    const error = await failure(open([npu(refuse('no Softmax')), cpu()], { devices: ['npu:0'] }))
    expect(error).toMatchObject({ code: 'HAL_UNIMPLEMENTED', message: 'no Softmax', device: 'npu:0' })
  })

  it('that names a device which is not there lists those that are', async () => {
    const error = await failure(open([npu(), cpu()], { devices: ['npu:7'] }))
    expect(error.code).toBe('HAL_NOT_FOUND')
    for (const words of ['npu:7', "'npu:0'", "'ort:0'"]) expect(error.message).toContain(words)
  })

  it('that names a device of an absent backend gives its reason', async () => {
    const absent = npu()
    absent.refusal = new HalError('HAL_UNAVAILABLE', 'no driver loaded')
    for (const devices of [['npu:0'], ['npu']]) {
      const error = await failure(open([absent, cpu()], { devices }))
      expect(error.code).toBe('HAL_UNAVAILABLE')
      expect(error.message).toContain('no driver loaded')
    }
  })

  it('with several failures gives one error with all of them', async () => {
    const backends = [
      npu(refuse('no Softmax')),
      new ManualBackend('gpu', [{ kind: 'gpu', ...refuse('no memory') }]),
    ]
    const error = await failure(open(backends))
    expect(error.code).toBe('HAL_UNIMPLEMENTED')
    expect(error.message).toContain('npu:0: no Softmax; gpu:0: no memory')
  })
})

describe('options', () => {
  const own = { name: 'tiling', type: 'enum', values: ['on', 'off'], default: 'on', description: '' } as const

  it('reach the driver checked, with defaults and the first isolation of the device', async () => {
    const backend = npu({ options: [own], isolation: ['process', 'thread'] })
    const { engine } = await open([backend], { maxLoad: 3 })
    expect(backend.engines[0]?.request.options).toMatchObject({
      ...{ tiling: 'on', maxLoad: 3, priority: 'normal', isolation: 'process', boundOption: 'NPU_ALL' },
    })
    expect(engine.options).toEqual({ ...backend.engines[0]?.request.options, workers: 1, bufferCount: 6 })
  })

  it('that nobody knows are refused with the likely spelling', async () => {
    const error = await failure(open([npu({ options: [own] })], { tilling: 'off' }))
    expect(error).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining("mean 'tiling'?"),
    })
  })

  it('of another device only refuse this one', async () => {
    const { taken, selection } = await open([npu(), cpu({ options: [own] })], {
      tiling: 'off',
      fallback: 'allow',
    })
    expect(taken).toBe('ort:0')
    expect(selection[0]?.reason).toContain("'tiling'")
  })

  it('refuse an isolation that the device lacks', async () => {
    const error = await failure(open([npu()], { isolation: 'process' }))
    expect(error).toMatchObject({
      code: 'HAL_UNIMPLEMENTED',
      message: expect.stringContaining('it has inline'),
    })
  })
})
