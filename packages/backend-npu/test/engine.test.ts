import { type NpuConfig, npu } from '@xpu-hal/backend-npu'
import { createHal, type EngineOptions, tensor } from '@xpu-hal/core'
import { describe, expect, test } from 'vitest'
import { engineOn, file, model, runtime } from './support.js'

const asynchronous = runtime()
const synchronous = runtime('-DSYNCHRONOUS')

const x = (...values: number[]) => ({ x: tensor('float32', [values.length / 2, 2], values) })
const args = (fault: string, at = -1) => ({ fault, fault_at: { int: at } })

describe.skipIf(asynchronous === undefined)('a runtime of the current form', () => {
  const library = asynchronous as string
  const open = (config: Partial<NpuConfig> = {}, options?: EngineOptions) =>
    engineOn({ library, ...config }, options)

  test('runs, and names its device after the runtime', async () => {
    await using on = await open()
    expect(on.engine.device).toMatchObject({ id: 'npu:0', name: 'Test runtime 1.2', kind: 'npu' })
    expect(await on.engine.run(x(1, 2, 3, 4))).toEqual({ x_out: tensor('float32', [2, 2], [1, 2, 3, 4]) })
  })

  test('copies inputs once and outputs once', async () => {
    await using on = await open()
    await on.engine.run(x(1, 2))
    expect(on.engine.stats().bytesCopied).toBe(16)
  })

  test('writes to the output that the caller gives', async () => {
    await using on = await open()
    const mine = tensor('float32', [1, 2])
    const { x_out } = await on.engine.run(x(5, 6), { outputs: { x_out: mine } })
    expect(x_out).toBe(mine)
    expect([...mine.data]).toEqual([5, 6])
  })

  test('a model that nobody knows takes any inputs', async () => {
    await using on = await engineOn({ library }, {}, file('net.acme', 'not ONNX'))
    expect(on.engine.inputs).toEqual([])
    const scalar = tensor('int64', [], [7n])
    const empty = tensor('uint8', [0, 3])
    expect(await on.engine.run({ a: scalar, b: empty })).toEqual({ a_out: scalar, b_out: empty })
  })

  test('a model that nobody knows is known by its first run', async () => {
    await using on = await engineOn({ library }, {}, file('net.acme', 'not ONNX'))
    const b = tensor('uint8', [0, 3])
    const a = tensor('int64', [2], [7n, 8n])
    await on.engine.run({ b, a })
    expect(on.engine.inputs).toEqual([
      { name: 'b', dataType: 'uint8', shape: [-1, -1] },
      { name: 'a', dataType: 'int64', shape: [-1] },
    ])
    expect(on.engine.outputs.map(({ name }) => name)).toEqual(['b_out', 'a_out'])
    // This runtime answers in the order in which it was given the inputs.
    expect(Object.keys(await on.engine.run({ a, b }))).toEqual(['b_out', 'a_out'])
    const longer = tensor('int64', [3], [1n, 2n, 3n])
    const a_out = on.engine.allocate('a_out', [3])
    expect((await on.engine.run([b, longer], { outputs: { a_out } })).a_out).toBe(a_out)
    expect(a_out.data).toEqual(longer.data)
    await expect(on.engine.run({ b, a: b })).rejects.toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringMatching(/input 'a'.*first successful run/),
    })
  })

  test.each(['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'float64', 'bool'] as const)(
    '%s goes through',
    async (type) => {
      await using on = await engineOn({ library }, {}, file('net.acme', 'not ONNX'))
      const value = tensor(type, [2], [1, 0])
      expect(await on.engine.run({ a: value })).toEqual({ a_out: value })
    },
  )

  test('strings are refused by name', async () => {
    await using on = await engineOn({ library }, {}, file('net.acme', 'not ONNX'))
    await expect(on.engine.run({ text: tensor('string', [1], ['a']) })).rejects.toMatchObject({
      code: 'HAL_UNIMPLEMENTED',
      message: expect.stringContaining('input text'),
    })
  })

  test('the file beside a model tells its inputs', async () => {
    const inputs = [{ name: 'a', dataType: 'uint8', shape: [2] }] as const
    const outputs = [{ name: 'a_out', dataType: 'uint8', shape: [-1] }] as const
    const path = file('told.acme', 'not ONNX')
    file('told.acme.json', JSON.stringify({ inputs, outputs }))
    await using on = await engineOn({ library }, {}, path)
    expect(on.engine.inputs).toEqual(inputs)
    expect(on.engine.outputs).toEqual(outputs)
    expect(await on.engine.run({ a: tensor('uint8', [2], [1, 2]) })).toEqual({
      a_out: tensor('uint8', [2], [1, 2]),
    })
  })

  test('a file beside a model that is wrong is named', async () => {
    const path = file('wrong.acme', 'not ONNX')
    file(
      'wrong.acme.json',
      JSON.stringify({ inputs: [{ name: 'a', dataType: 'float7', shape: [] }], outputs: [] }),
    )
    await expect(engineOn({ library }, {}, path)).rejects.toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringMatching(/wrong\.acme\.json.*float7/),
    })
  })

  test('instances and engines have globals of their own', async () => {
    // Each instance refuses its second run.
    const config = { library, instances: 2, args: args('refuse', 2) }
    await using one = await engineOn(config)
    await using two = await engineOn(config, { boundOption: 'NPU_1' })
    const runs = await Promise.allSettled([
      one.engine.run(x(1, 2)),
      one.engine.run(x(3, 4)),
      two.engine.run(x(5, 6)),
    ])
    expect(runs.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(two.engine.device.cores).toHaveLength(2)
    await expect(two.engine.run(x(1, 2))).rejects.toMatchObject({ code: 'HAL_INTERNAL' })
  })

  test('runtimes of different libraries work side by side, each under its name', async () => {
    const older = synchronous ?? library
    const backends = [npu({ library, name: 'acme' }), npu({ library: older, name: 'other-1' })]
    await using hal = createHal({ backends })
    const engines = await Promise.all(
      ['acme', 'other-1:0'].map((device) => hal.openEngine(model, { devices: [device] })),
    )
    expect(engines.map(({ device }) => device.id)).toEqual(['acme:0', 'other-1:0'])
    const answers = await Promise.all(engines.map((engine, i) => engine.run(x(i, i + 1))))
    expect(answers).toEqual([0, 1].map((i) => ({ x_out: tensor('float32', [1, 2], [i, i + 1]) })))
    expect(() => npu({ library, name: 'Acme:0' })).toThrow(/name 'Acme:0'/)
  })

  test('workers says how many instances an engine uses', async () => {
    await using on = await open({ instances: 3 }, { workers: 2 })
    const cores = new Set<string>()
    on.engine.on('run', ({ core }) => cores.add(core))
    await Promise.all(Array.from({ length: 8 }, (_, i) => on.engine.run(x(i, i))))
    expect([...cores].sort()).toEqual(['NPU_0', 'NPU_1'])
    await expect(open({ instances: 3 }, { workers: 4 })).rejects.toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining('has 3, not 4'),
    })
    await expect(open({}, { threadsPerWorker: 2 })).rejects.toMatchObject({ code: 'HAL_UNIMPLEMENTED' })
  })

  test.each([
    ['initialization', 'runtime_initialization_with_args', 'the device is busy'],
    ['model', 'runtime_model_loading', 'the model is for another device'],
  ])('a failure of %s says what the runtime says', async (fault, call, reason) => {
    await expect(open({ args: args(fault) })).rejects.toMatchObject({
      code: 'HAL_INTERNAL',
      native: { call, status: 7 },
      message: expect.stringContaining(reason),
    })
  })

  test.each(['refuse', 'free and refuse'])('a run after one that failed (%s) succeeds', async (fault) => {
    await using on = await open({
      args: args(fault, 1),
      quirks: { freesRefused: fault === 'free and refuse' },
    })
    await expect(on.engine.run(x(1, 2))).rejects.toMatchObject({
      code: 'HAL_INTERNAL',
      native: { call: 'send_input', status: 7 },
      message: expect.stringContaining('there is no room'),
    })
    expect(await on.engine.run(x(3, 4))).toEqual({ x_out: tensor('float32', [1, 2], [3, 4]) })
  })

  test.each([
    'many tensors',
    'null names',
    'null name',
    'null data list',
    'null data',
    'null types',
    'absurd rank',
    'absurd size',
    'larger than its block',
    'unknown type',
    'no type',
    'same block twice',
    'name without end',
  ])('a malformed answer (%s) is thrown away', async (fault) => {
    await using on = await open({ args: args(fault, 1) })
    await expect(on.engine.run(x(1, 2))).rejects.toMatchObject({ code: 'HAL_DATA_LOSS' })
    expect(await on.engine.run(x(3, 4))).toEqual({ x_out: tensor('float32', [1, 2], [3, 4]) })
  })

  test.each(['drop', 'late'])('an answer that does not come in time (%s) reaches nobody', async (fault) => {
    // The first run of every instance: the new one, too, so each run fails and none gets the answer of another.
    await using on = await open({ args: args(fault, 2), answerTimeout: 50 })
    const results = []
    for (let i = 1; i <= 6; i++) results.push(await settled(on.engine.run(x(i, i))))
    expect(results).toEqual([[1, 1], 'HAL_DEVICE_LOST', [3, 3], 'HAL_DEVICE_LOST', [5, 5], 'HAL_DEVICE_LOST'])
  })

  test('a runtime that tells of a failed inference is believed', async () => {
    await using on = await open({ args: args('failed inference', 1), quirks: { nothingYet: 'nothing is' } })
    await expect(on.engine.run(x(1, 2))).rejects.toMatchObject({
      code: 'HAL_INTERNAL',
      native: { call: 'receive_output', status: 7 },
      message: expect.stringContaining('division by zero'),
    })
    expect(await on.engine.run(x(3, 4))).toEqual({ x_out: tensor('float32', [1, 2], [3, 4]) })
  })

  test('a runtime that cannot end says so when the engine is closed', async () => {
    const on = await open({ args: args('destruction') })
    await expect(on.engine.close()).rejects.toMatchObject({
      code: 'HAL_INTERNAL',
      native: { call: 'runtime_destruction', status: 7 },
    })
    await on.hal.close().catch(() => {})
  })

  test('a runtime that sleeps when asked early gives the right answers', async () => {
    await using on = await open({ args: { service_us: { int: 1000 }, sleep_ms: { int: 20 } } })
    for (let i = 0; i < 40; i++) {
      expect(await on.engine.run(x(i, i))).toEqual({ x_out: tensor('float32', [1, 2], [i, i]) })
    }
  })
})

describe.skipIf(synchronous === undefined)('a runtime of the older form', () => {
  const library = synchronous as string

  test('runs, and reads inputs where they are', async () => {
    await using on = await engineOn({ library })
    expect(await on.engine.run(x(1, 2))).toEqual({ x_out: tensor('float32', [1, 2], [1, 2]) })
    expect(on.engine.stats().bytesCopied).toBe(8)
  })

  test.each([
    ['refuse', 'HAL_INTERNAL'],
    ['null data', 'HAL_DATA_LOSS'],
    ['absurd rank', 'HAL_DATA_LOSS'],
    ['many tensors', 'HAL_DATA_LOSS'],
  ])('a run after one that failed (%s) succeeds', async (fault, code) => {
    await using on = await engineOn({ library, args: args(fault, 1) })
    await expect(on.engine.run(x(1, 2))).rejects.toMatchObject({ code })
    expect(await on.engine.run(x(3, 4))).toEqual({ x_out: tensor('float32', [1, 2], [3, 4]) })
  })
})

async function settled(run: Promise<Record<string, { data: ArrayLike<unknown> }>>): Promise<unknown> {
  return run.then(
    ({ x_out }) => Array.from(x_out?.data ?? []),
    ({ code }) => code,
  )
}
