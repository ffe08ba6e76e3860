import {
  DATA_TYPES,
  type DataType,
  HalError,
  type NumericData,
  now,
  silent,
  tensor,
} from '@xpu-hal/core/backend'
import { expect, test } from 'vitest'
import { createLog, info, open, openGate, reached, run, start, Word } from './open.js'

const numeric = DATA_TYPES.filter((type) => type !== 'string')
const xy = { inputs: [info('x')], outputs: [info('y')] }

function filled(dataType: DataType, shape: readonly number[]) {
  const made = tensor(dataType, shape)
  const bytes = new Uint8Array((made.data as NumericData).buffer)
  for (let i = 0; i < bytes.length; i++) bytes[i] = dataType === 'bool' ? i % 2 : (i * 37 + 11) % 120
  return made
}

test('every data type goes to the worker and back by reference, in the tensors of the request', async () => {
  const infos = numeric.map((type) => info(type, type))
  const driver = await open({ run: 'copy', inputs: infos, outputs: infos })
  const inputs = numeric.map((type) => filled(type, [2, 3]))
  const outputs = numeric.map((type) => tensor(type, [2, 3]))
  const before = now()
  const answer = await run(driver, inputs, outputs)
  expect(answer.outputs.every((output, i) => output === outputs[i])).toBe(true)
  expect(answer.outputs).toEqual(inputs)
  expect(answer.bytesCopied).toBe(7)
  expect(answer.startedAt).toBeGreaterThanOrEqual(before)
  expect(answer.endedAt).toBeGreaterThanOrEqual(answer.startedAt)
  expect(now()).toBeGreaterThanOrEqual(answer.endedAt)
})

test.each([[[]], [[0]], [[3, 0, 2]], [[1, 2, 1, 2, 1, 2, 1, 2]]])(
  'shape %j reaches the runner',
  async (shape) => {
    const driver = await open({
      run: 'arithmetic',
      inputs: [info('x')],
      outputs: [info('y'), info('info', 'int32', [3])],
    })
    const x = filled('float32', shape)
    const { outputs } = await run(driver, [x], [tensor('float32', shape), tensor('int32', [3])])
    expect(Array.from(outputs[1]?.data as Int32Array)).toEqual([
      0,
      shape.length,
      shape.reduce((a, b) => a + b, 0),
    ])
    expect(Array.from(outputs[0]?.data as Float32Array)).toEqual(
      Array.from(x.data as Float32Array, (v) => Math.fround(v + 3)),
    )
  },
)

test('views into one large buffer keep their offsets', async () => {
  const driver = await open({ run: 'copy', ...xy })
  const buffer = new SharedArrayBuffer(1 << 16)
  const x = tensor('float32', [4], new Float32Array(buffer, 4096, 4).fill(5))
  const y = tensor('float32', [4], new Float32Array(buffer, 64, 4))
  await run(driver, [x], [y])
  expect(Array.from(new Float32Array(buffer, 48, 12))).toEqual([0, 0, 0, 0, 5, 5, 5, 5, 0, 0, 0, 0])
})

test('strings cross by copy, which is counted in bytes of UTF-8', async () => {
  const infos = [info('text', 'string'), info('x')]
  const driver = await open({ run: 'copy', inputs: infos, outputs: infos })
  const texts = ['', 'plain', 'grüß dich', '日本', '🚀\u0000\ud800']
  const outputs = [tensor('string', [5]), tensor('float32', [2])]
  const answer = await run(driver, [tensor('string', [5], texts), tensor('float32', [2], [1, 2])], outputs)
  expect(answer.outputs[0]).toBe(outputs[0])
  expect(answer.outputs[1]).toBe(outputs[1])
  expect(outputs[0]?.data).toEqual(texts)
  expect(Array.from(outputs[1]?.data as Float32Array)).toEqual([1, 2])
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  expect(answer.bytesCopied).toBe(7 + 2 * bytes)
})

test('names travel where the model does not tell its inputs and outputs', async () => {
  const driver = await open({ run: 'shout' })
  const inputs = [tensor('string', [1], ['a']), tensor('string', [], ['ö'])]
  const answer = await run(driver, inputs, [], { inputNames: ['one', 'two'] })
  expect(answer.outputNames).toEqual(['one!', 'two!'])
  expect(answer.outputs).toEqual([tensor('string', [1], ['A']), tensor('string', [], ['Ö'])])
})

test('tensors that the runner allocates come back, and only those off shared memory are copied', async () => {
  const driver = await open({ run: 'twice', inputs: [info('x')], outputs: [info('a'), info('b')] })
  const answer = await run(driver, [tensor('float32', [2], [1, 2])], [undefined, tensor('float32', [9])])
  for (const output of answer.outputs) {
    expect(output).toEqual(tensor('float32', [4], [1, 1, 2, 2]))
    expect((output.data as NumericData).buffer).toBeInstanceOf(SharedArrayBuffer)
  }
  expect(answer.bytesCopied).toBe(16)
})

test('a runner lends its outputs only to runs that allow it', async () => {
  const driver = await open({ run: 'lend', ...xy })
  const room = tensor('float32', [1])
  const lent = await run(driver, [tensor('float32', [1], [5])], [room], { lend: true })
  expect(lent).toMatchObject({ outputs: [{ data: Float32Array.of(5) }], bytesCopied: 0 })
  const kept = await run(driver, [tensor('float32', [1], [6])], [room])
  expect(kept.outputs).toEqual([tensor('float32', [1], [6])])
  expect(kept.outputs[0]).toBe(room)
})

test('a pipelined runner is sent as many runs as it holds, and answers each its own', async () => {
  const log = createLog()
  const driver = await open({ run: 'pipeline', log, ...xy }, ['NPU_0'], 'thread', silent, 3)
  expect(driver.lanes).toMatchObject([{ depth: 4 }])
  const values = [1, -1, -2, 2]
  const runs = Promise.allSettled(
    values.map((value) => run(driver, [tensor('float32', [1], [value])], [tensor('float32', [1])])),
  )
  // Three are in the runner, though none was received.
  await reached(log, Word.entered, 3)
  openGate(log)
  const codes = (await runs).map((result) =>
    result.status === 'fulfilled' ? result.value.outputs[0]?.data[0] : result.reason.code,
  )
  expect(codes).toEqual([1, 'HAL_RESOURCE_EXHAUSTED', 'HAL_DATA_LOSS', 2])
})

test('a run that is sent while others are in flight does not wait for their answers', async () => {
  const log = createLog()
  const driver = await open({ run: 'pipeline', log, ...xy }, ['NPU_0'], 'thread', silent, 3)
  const first = run(driver, [tensor('float32', [1], [1])], [tensor('float32', [1])])
  await reached(log, Word.entered, 1)
  const second = run(driver, [tensor('float32', [1], [2])], [tensor('float32', [1])])
  await reached(log, Word.entered, 2)
  openGate(log)
  expect(await Promise.all([first, second])).toMatchObject([
    { outputs: [{ data: Float32Array.of(1) }] },
    { outputs: [{ data: Float32Array.of(2) }] },
  ])
})

test('a lane takes a second run while the first executes, and settles them in order', async () => {
  const log = createLog()
  const driver = await open({ run: 'gate', log, ...xy })
  expect(driver.lanes).toMatchObject([{ core: 'NPU_0', depth: 2 }])
  const settled: number[] = []
  const runs = [0, 1].map((i) =>
    run(driver, [tensor('float32', [1], [i])], [tensor('float32', [1])]).then(() => settled.push(i)),
  )
  await reached(log, Word.entered, 1)
  expect(settled).toEqual([])
  openGate(log)
  await Promise.all(runs)
  expect(settled).toEqual([0, 1])
})

test('a run that has not begun can be recalled and its place used again; one that executes cannot', async () => {
  const log = createLog()
  const driver = await open({ run: 'gate', log, ...xy })
  const out = () => [tensor('float32', [1])]
  const first = start(driver, [tensor('float32', [1], [1])], out())
  await reached(log, Word.entered, 1)
  const second = start(driver, [tensor('float32', [1], [2])], out())
  const settled: string[] = []
  second.answer.then(
    () => settled.push('done'),
    () => settled.push('fail'),
  )
  expect(driver.doRecall?.(first.run)).toBe(false)
  expect(driver.doRecall?.(second.run)).toBe(true)
  expect(driver.doRecall?.(second.run)).toBe(false)
  const third = start(driver, [tensor('float32', [1], [3])], out())
  openGate(log)
  expect((await first.answer).outputs[0]?.data[0]).toBe(1)
  expect((await third.answer).outputs[0]?.data[0]).toBe(3)
  expect(Atomics.load(log, Word.entered)).toBe(2)
  expect(settled).toEqual([])
})

test('a cancel stops the run that executes and no other', async () => {
  const log = createLog()
  const driver = await open({
    run: 'untilCancelled',
    log,
    inputs: [info('x', 'int32')],
    outputs: [info('y', 'int32')],
  })
  const begin = () => {
    const x = tensor('int32', [1])
    return { x, ...start(driver, [x], [tensor('int32', [1])]) }
  }
  const first = begin()
  const second = begin()
  await reached(log, Word.entered, 1)
  const cancelled: [bigint, number][] = []
  Object.assign(globalThis, {
    onCancel(token: bigint, job: number) {
      cancelled.push([token, job])
      Atomics.store(first.x.data, 0, 1)
      Atomics.notify(first.x.data, 0)
      // The run is over by now, or soon; its worker may not go on to the next before this function has returned.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
      expect(Atomics.load(log, Word.entered)).toBe(1)
    },
  })
  driver.doCancel?.(second.run)
  expect(cancelled).toEqual([])
  driver.doCancel?.(first.run)
  driver.doCancel?.(first.run)
  await expect(first.answer).rejects.toMatchObject({ code: 'HAL_ABORTED' })
  expect(cancelled).toEqual([[100n, first.run.job]])
  await reached(log, Word.entered, 2)
  Atomics.store(second.x.data, 0, 1)
  Atomics.notify(second.x.data, 0)
  await expect(second.answer).rejects.toMatchObject({ code: 'HAL_ABORTED' })
})

test('a HalError crosses with code, native call, cause and the stack of its thread', async () => {
  const driver = await open({ run: 'throwHal', ...xy })
  const error = await run(driver, [tensor('float32', [1])], [tensor('float32', [1])]).catch((error) => error)
  expect(HalError.isInstance(error)).toBe(true)
  expect(error).toMatchObject({ code: 'HAL_RESOURCE_EXHAUSTED', native: { call: 'Run', status: 12 } })
  expect(error.stack).toContain('runner.mjs')
  expect(error.cause).toMatchObject({ name: 'TypeError', message: 'inner' })
})

test('another error becomes HAL_INTERNAL with the original as cause; the runner goes on', async () => {
  const driver = await open({ run: 'throwError', ...xy })
  for (let i = 0; i < 3; i++) {
    const error = await run(driver, [tensor('float32', [1])], [tensor('float32', [1])]).catch(
      (error) => error,
    )
    expect(error).toMatchObject({ code: 'HAL_INTERNAL', message: 'plain', cause: { name: 'SyntaxError' } })
    expect(error.stack).toContain('runner.mjs')
  }
})

test.each(['throwFunction', 'uncloneable'])('what cannot be cloned fails its run: %s', async (name) => {
  const driver = await open({ run: name, ...xy })
  await expect(run(driver, [tensor('float32', [1])], [undefined])).rejects.toMatchObject({
    code: 'HAL_INTERNAL',
  })
})

test('memory that is not shared is refused, not silently copied', async () => {
  const driver = await open({ run: 'copy', ...xy })
  const plain = { dataType: 'float32', shape: [1], data: new Float32Array(1) } as const
  await expect(run(driver, [plain], [tensor('float32', [1])])).rejects.toMatchObject({ code: 'HAL_INTERNAL' })
})

test('10,000 runs on three workers give each its own right answer', async () => {
  const driver = await open(
    { run: 'arithmetic', inputs: [info('x')], outputs: [info('y'), info('info', 'int32', [3])] },
    ['NPU_0', 'NPU_1', 'NPU_2'],
  )
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647
    return seed % below
  }
  const pool = new SharedArrayBuffer(1 << 20)
  let left = 10_000
  let wrong = 0
  const one = async (lane: number, place: number) => {
    while (left-- > 0) {
      const length = random(300)
      const fresh = random(4) === 0
      const at = (lane * 2 + place) * 4096
      const data = fresh ? undefined : new Float32Array(pool, at, length)
      const x = tensor('float32', [length], data)
      for (let i = 0; i < length; i++) x.data[i] = random(1000)
      const y = tensor('float32', [length], fresh ? undefined : new Float32Array(pool, at + 2048, length))
      const answer = await run(driver, [x], [y, tensor('int32', [3])], { lane })
      if (answer.outputs[0] !== y || answer.outputs[1]?.data[0] !== lane) wrong++
      if (y.data.some((value, i) => value !== (x.data[i] as number) + 3)) wrong++
    }
  }
  await Promise.all([0, 1, 2].flatMap((lane) => [one(lane, 0), one(lane, 1)]))
  expect(wrong).toBe(0)
})
