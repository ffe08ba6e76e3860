import { afterEach, describe, expect, it } from 'vitest'
import { connectEngine, type EngineHandle, HalError } from '../src/index.ts'
import { bufferOf, cores, flush, numbers, openManual, tagged } from './fixtures/manual-backend.ts'
import { answering, endThreads, given, join, keep, openShared, until } from './fixtures/shared.ts'
import { Thread } from './fixtures/thread.ts'

afterEach(endThreads)

describe('an engine on another thread', () => {
  it('is what it is on its own', async () => {
    const { engine, thread } = await openShared({ cores: [{ id: 'NPU_0', slots: 1 }] }, { maxLoad: 3 })
    const seen = await thread.do((engine) => ({
      ...{ id: engine.id, model: engine.model, selection: engine.selection, options: engine.options },
      ...{ inputs: engine.inputs, outputs: engine.outputs, sharesWeights: engine.sharesWeights },
      ...{ inputSize: engine.inputSize, outputSize: engine.outputSize, load: engine.load },
      device: engine.device.id,
      devices: engine.devices.map(({ id, lost, capabilities }) => ({ id, lost, capabilities })),
    }))
    const { id, model, selection, options, inputs, outputs, sharesWeights, load } = engine
    expect(seen).toEqual({
      ...{ id, model, selection, options, inputs, outputs, sharesWeights, load },
      ...{ inputSize: 16, outputSize: 16, device: engine.device.id },
      devices: engine.devices.map(({ id, lost, capabilities }) => ({ id, lost, capabilities })),
    })
    expect(seen.options.maxLoad).toBe(3)
    expect(await thread.do((engine) => engine.device.status())).toEqual({})
  })

  it('runs, and tensors on shared memory are the very same there and here', async () => {
    const manual = await openShared()
    const { engine, driver, thread } = manual
    const running = thread.do(async (engine, { tensor, state, tell }) => {
      const x = tensor('float32', [4], [7, 0, 0, 0])
      state.x = x
      tell(x.data)
      const { y } = await engine.run({ x })
      state.y = y
      return y
    })
    await given(manual, 1)
    const [x] = (await thread.until(1)) as [Float32Array]
    expect(bufferOf(driver.held[0]?.inputs[0])).toBeInstanceOf(SharedArrayBuffer)
    x[0] = 9
    driver.answer()
    const y = await running
    expect(numbers(y)).toEqual([9, 9, 9, 9])
    expect(engine.stats().bytesCopied).toBe(0)
    ;(y?.data as Float32Array)[2] = 5
    expect(await thread.do((_, { state }) => Array.from(state.y.data))).toEqual([9, 9, 5, 9])
  })

  it('copies inputs from other memory, all forms of them, and counts it', async () => {
    const manual = await openShared()
    answering(manual)
    const answers = await manual.thread.do(async (engine) => {
      const data = Float32Array.of(3, 3, 3, 3)
      const x = { dataType: 'float32', shape: [4], data } as const
      const outputs = [
        await engine.run({ x }),
        await engine.run([x]),
        await engine.run(new Uint8Array(data.buffer)),
      ]
      return outputs.map(({ y }) => Array.from(y?.data as Float32Array))
    })
    expect(answers).toEqual(Array(3).fill([3, 3, 3, 3]))
    expect(manual.engine.stats().bytesCopied).toBe(48)
  })

  it("writes to tensors of the caller: in place where they are shared, and they come back as the caller's own", async () => {
    const manual = await openShared()
    answering(manual)
    const shared = await manual.thread.do(async (engine, { tensor }) => {
      const x = tensor('float32', [4], [2, 2, 2, 2])
      const y = engine.allocate('y')
      const outputs = await engine.run({ x }, { outputs: { y } })
      const job = await engine.runAsync({ x }, undefined, { outputs: { y } })
      const later = await engine.wait(job)
      return [outputs.y === y, later.y === y, engine.runSync({ x }, { outputs: { y } }).y === y, y.data[0]]
    })
    expect(shared).toEqual([true, true, true, 2])
    expect(manual.engine.stats().bytesCopied).toBe(0)
    const own = await manual.thread.do(async (engine, { tensor }) => {
      const x = tensor('float32', [4], [2, 2, 2, 2])
      const y = { dataType: 'float32', shape: [4], data: new Float32Array(4) } as const
      const outputs = await engine.run({ x }, { outputs: { y } })
      return [outputs.y === y, Array.from(y.data)]
    })
    expect(own).toEqual([true, [2, 2, 2, 2]])
    expect(manual.engine.stats().bytesCopied).toBe(16)
  })

  it('allocates tensors that cross without a copy, and says which there are', async () => {
    const { thread } = await openShared({ inputs: [{ name: 'x', dataType: 'float32', shape: [-1, 2] }] })
    const seen = await thread.do(async (engine, { failure }) => {
      const x = engine.allocate('x', [3, 2])
      return {
        shape: x.shape,
        shared: (x.data as Float32Array).buffer instanceof SharedArrayBuffer,
        errors: [
          await failure(() => engine.allocate('z')),
          await failure(() => engine.allocate('x')),
          await failure(() => engine.allocate('x', [3, 3])),
        ],
      }
    })
    expect(seen).toMatchObject({ shape: [3, 2], shared: true })
    expect(seen.errors.map(({ code }) => code)).toEqual(Array(3).fill('HAL_INVALID_ARGUMENT'))
  })

  it('takes batches and streams', async () => {
    const manual = await openShared({}, { maxLoad: 4 })
    answering(manual)
    const seen = await manual.thread.do(async (engine, { tensor }) => {
      const items = Array.from({ length: 9 }, (_, i) => ({ x: tensor('float32', [4], [i, 0, 0, 0]) }))
      const results = await engine.runBatch([...items, {}])
      const streamed: unknown[] = []
      for await (const { y } of engine.stream(items)) streamed.push(y?.data[0])
      const values = results.map((result) =>
        result.status === 'fulfilled' ? result.value.y?.data[0] : result.reason.code,
      )
      return { values, streamed }
    })
    expect(seen.streamed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(seen.values).toEqual([...seen.streamed, 'HAL_INVALID_ARGUMENT'])
  })

  it('learns what the first run of anybody has taught', async () => {
    const manual = await openShared({ inputs: [], outputs: [] })
    const { engine, driver, thread } = manual
    driver.onRun = (run) =>
      setImmediate(() => driver.answer(run, { answer: { outputs: [...run.inputs], outputNames: ['y'] } }))
    expect(await thread.do((engine) => [engine.inputs, engine.outputs])).toEqual([[], []])
    await engine.run(tagged(1))
    const seen = await thread.do(async (engine) => {
      // What it was told of lies before the answer to this.
      await engine.device.status()
      return [engine.inputs, engine.outputs]
    })
    expect(seen).toEqual([engine.inputs, engine.outputs])
    expect(engine.inputs).toHaveLength(1)
    const error = await thread.do((engine, { failure, tensor }) =>
      failure(() => engine.run({ z: tensor('float32', [4]) })),
    )
    expect(error.message).toContain('the first successful run taught')
    const { y } = await thread.do((engine, { tensor }) => engine.run([tensor('float32', [4], [6, 0, 0, 0])]))
    expect(y?.data[0]).toBe(6)
  })

  it('takes runs by name, while nobody knows the inputs', async () => {
    const { driver, thread } = await openShared({ inputs: [], outputs: [] })
    driver.onRun = (run) =>
      setImmediate(() => driver.answer(run, { answer: { outputs: [...run.inputs], outputNames: ['y'] } }))
    const { y } = await thread.do((engine, { tensor }) =>
      engine.run(Object.fromEntries([['__proto__', tensor('float32', [4], [6, 0, 0, 0])]])),
    )
    expect(y?.data[0]).toBe(6)
    expect(driver.given[0]?.inputNames).toEqual(['__proto__'])
  })
})

describe('jobs', () => {
  it('can be waited for on any thread', async () => {
    const manual = await openShared()
    answering(manual)
    const other = join(manual)
    const mine = await manual.thread.do((engine, { tensor }) =>
      engine.runAsync({ x: tensor('float32', [4], [4, 0, 0, 0]) }),
    )
    const here = await manual.engine.runAsync(tagged(5))
    expect(numbers((await manual.engine.wait(mine)).y)[0]).toBe(4)
    expect(await other.do(async (engine, _, job) => (await engine.wait(job)).y?.data[0], here)).toBe(5)
    const error = await other.do((engine, { failure }, job) => failure(() => engine.wait(job)), here)
    expect(error).toMatchObject({ code: 'HAL_NOT_FOUND', job: here, isInstance: true })
  })

  it('are submitted at once or refused, while the thread stands still', async () => {
    const { engine, driver, thread } = await openShared({}, { maxLoad: 2 })
    const seen = await thread.do(async (engine, { tensor, failure }) => {
      const x = tensor('float32', [4], [8, 0, 0, 0])
      const jobs = [engine.tryRunAsync({ x }), engine.tryRunAsync({ x })]
      return { jobs, load: engine.load, full: await failure(() => engine.tryRunAsync({ x })) }
    })
    expect(seen).toMatchObject({ load: 2, full: { code: 'HAL_RESOURCE_EXHAUSTED', isInstance: true } })
    expect(engine.stats()).toMatchObject({ accepted: 2, refused: 1 })
    const waiting = thread.do(async (engine, _, job) => (await engine.wait(job)).y?.data[0], seen.jobs[1])
    await until(() => driver.held.length === 1)
    driver.answer()
    driver.answer()
    expect(await waiting).toBe(8)
  })

  it('are counted there as here', async () => {
    const manual = await openShared()
    answering(manual)
    const seen = await manual.thread.do(async (engine, { tensor }) => {
      await engine.run({ x: tensor('float32', [4]) })
      const stats = engine.stats()
      engine.resetStats()
      return { stats, reset: engine.stats().accepted }
    })
    expect(seen.stats).toMatchObject({ accepted: 1, succeeded: 1, load: 0, latency: { count: 1 } })
    expect(seen.reset).toBe(0)
    expect(manual.engine.stats().accepted).toBe(0)
  })
})

describe('runSync', () => {
  it('stops the thread that calls it, and no other', async () => {
    const { driver, thread } = await openShared()
    const seen = thread.do((engine, { tensor }) => {
      const { y } = engine.runSync({ x: tensor('float32', [4], [3, 0, 0, 0]) })
      return y?.data[0]
    })
    await until(() => driver.held.length === 1)
    for (let turn = 0; turn < 10; turn++) await flush()
    driver.answer()
    expect(await seen).toBe(3)
  })

  it('needs nothing of its own thread: no room, no turn, no callback that is at work there', async () => {
    const manual = await openShared({}, { maxLoad: 1, ordered: true })
    const { driver, engine, thread } = manual
    const seen = thread.do(async (engine, { tensor, state }) => {
      const tagged = (tag: number) => ({ x: tensor('float32', [4], [tag, 0, 0, 0]) })
      const started = new Promise<void>((resolve) => {
        state.ends = []
        engine.registerCallback(() => {
          resolve()
          return new Promise((done) => state.ends.push(done))
        })
      })
      await engine.runAsync(tagged(1), 'first')
      await started
      const { load } = engine
      const { y } = engine.runSync(tagged(2))
      const { length } = state.ends
      for (const end of state.ends) end()
      return [load, length, y?.data[0]]
    })
    await until(() => driver.held.length === 1)
    driver.answer()
    await given(manual, 2)
    driver.answer()
    expect(await seen).toEqual([1, 2, 2])
    await until(() => engine.load === 0)
  })

  it('does not wait for those before it in ordered mode', async () => {
    const manual = await openShared({ cores: cores(2) }, { ordered: true })
    const { driver, engine, thread } = manual
    const first = engine.run(tagged(1))
    const seen = thread.do((engine, { tensor }) => {
      const { y } = engine.runSync({ x: tensor('float32', [4], [2, 0, 0, 0]) })
      return y?.data[0]
    })
    await given(manual, 2)
    driver.answer(driver.held[1])
    expect(await seen).toBe(2)
    driver.answer()
    await first
  })

  it('calls the callback of its thread within the call', async () => {
    const manual = await openShared()
    answering(manual)
    const seen = await manual.thread.do((engine, { tensor }) => {
      const calls: unknown[] = []
      engine.registerCallback((outputs, userArg) => {
        // It may even stand still itself.
        calls.push(outputs.y?.data[0], userArg, engine.stats().succeeded)
      })
      const { y } = engine.runSync({ x: tensor('float32', [4], [6, 0, 0, 0]) }, { userArg: 'sync' })
      return [...calls, y?.data[0]]
    })
    expect(seen).toEqual([6, 'sync', 1, 6])
  })

  it('throws what went wrong', async () => {
    const { driver, engine, thread } = await openShared()
    const seen = thread.do((engine, { tensor, failure }) =>
      failure(() => engine.runSync({ x: tensor('float32', [4]) })),
    )
    await until(() => driver.held.length === 1)
    driver.fail(new HalError('HAL_INTERNAL', 'it broke', { cause: new Error('the reason') }))
    expect(await seen).toMatchObject({
      ...{ code: 'HAL_INTERNAL', message: 'it broke', cause: 'Error: the reason', isInstance: true },
      ...{ engine: engine.id, device: 'manual:0', job: expect.any(Number) },
    })
    expect(engine.load).toBe(0)
  })
})

describe('errors', () => {
  it('are those of the engine', async () => {
    const { thread } = await openShared()
    const seen = await thread.do(async (engine, { failure, tensor }) => {
      const x = tensor('float32', [4])
      return [
        await failure(() => engine.run(undefined as never)),
        await failure(() => engine.run({ x: 5 } as never)),
        await failure(() => engine.run({ z: x })),
        await failure(() => engine.run({ x }, { timeout: -1 })),
        await failure(() => engine.run({ x }, { priority: 'hihg' as never })),
        await failure(() => engine.run({ x }, { outputs: { y: tensor('float32', [3]) } })),
        await failure(() => engine.wait('1' as never)),
        await failure(() => engine.wait(1e6)),
        await failure(() => engine.on('nothing' as 'recovered', () => {})),
        await failure(() => engine.registerCallback(5 as never)),
        await failure(() => engine.close({ timeout: -1 })),
      ]
    })
    expect(seen.map(({ name, code }) => code ?? name)).toEqual([
      ...['TypeError', 'TypeError', 'HAL_INVALID_ARGUMENT', 'HAL_INVALID_ARGUMENT', 'HAL_INVALID_ARGUMENT'],
      ...['HAL_INVALID_ARGUMENT', 'TypeError', 'HAL_NOT_FOUND', 'TypeError', 'TypeError'],
      'HAL_INVALID_ARGUMENT',
    ])
  })

  it('name a userArg that cannot cross, on the way there and back', async () => {
    const { engine, driver, thread } = await openShared()
    const seen = await thread.do(async (engine, { failure, tensor }) => {
      const x = tensor('float32', [4])
      engine.registerCallback(() => {})
      return [
        await failure(() => engine.run({ x }, { userArg: () => {} })),
        await failure(() => engine.runAsync({ x }, Symbol('no'))),
        await failure(() => engine.tryRunAsync({ x }, new WeakMap())),
        await failure(() => engine.runSync({ x }, { userArg: () => {} })),
      ]
    })
    for (const error of seen) {
      expect(error).toMatchObject({
        code: 'HAL_INVALID_ARGUMENT',
        message: expect.stringMatching(/^userArg /),
      })
    }
    expect(engine.stats().accepted).toBe(0)
    const errors: HalError[] = []
    engine.on('error', (error) => errors.push(error))
    const run = engine.run(tagged(1), { userArg: () => {} })
    driver.answer()
    await run
    expect(errors).toMatchObject([{ code: 'HAL_INTERNAL', cause: { code: 'HAL_INVALID_ARGUMENT' } }])
    expect(errors[0]?.message).toContain('userArg cannot go to the thread of the callback')
    expect(engine.stats()).toMatchObject({ callbackErrors: 1, load: 0 })
  })
})

describe('giving up', () => {
  it('a signal stays on its thread; that it was aborted crosses, and its reason becomes the cause', async () => {
    const manual = await openShared()
    const { driver, engine, thread } = manual
    const seen = thread.do(async (engine, { tensor, tell, HalError }) => {
      const x = tensor('float32', [4])
      const reason = { why: 'enough' }
      const aborts = [new AbortController(), new AbortController(), new AbortController()]
      const [executing, queued, waiting] = aborts.map(({ signal }) => signal)
      const runs = [
        engine.run({ x }, { signal: executing as AbortSignal }),
        engine.run({ x }, { signal: queued as AbortSignal }),
      ]
      const job = await engine.runAsync({ x })
      const collecting = engine.wait(job, { signal: waiting as AbortSignal })
      tell('ready')
      for (const abort of aborts.reverse()) abort.abort(reason)
      const results = await Promise.allSettled([...runs, collecting])
      const exact = results.map(
        (result) =>
          result.status === 'rejected' &&
          HalError.isInstance(result.reason) &&
          result.reason.code === 'HAL_ABORTED' &&
          result.reason.cause === reason,
      )
      return { exact, job }
    })
    expect((await seen).exact).toEqual([true, true, true])
    expect(engine.stats()).toMatchObject({ cancelled: 2, load: 1 })
    expect(driver.cancelled).toHaveLength(1)
    driver.answer()
    await given(manual, 2)
    driver.answer()
    await engine.wait((await seen).job)
    expect(engine.load).toBe(0)
  })

  it('a signal of a submitted run holds until it is over', async () => {
    const { driver, engine, thread } = await openShared()
    const job = await thread.do((engine, { tensor, state }) => {
      state.abort = new AbortController()
      return engine.runAsync({ x: tensor('float32', [4]) }, undefined, { signal: state.abort.signal })
    })
    await thread.do((_, { state }) => state.abort.abort('changed my mind'))
    const error = await thread.do((engine, { failure }, job) => failure(() => engine.wait(job)), job)
    expect(error).toMatchObject({ code: 'HAL_ABORTED', cause: 'changed my mind', job })
    driver.answer()
    expect(engine.stats()).toMatchObject({ cancelled: 1, load: 0 })
  })

  it('a timeout travels with the run, and with the waiting', async () => {
    const { driver, engine, thread } = await openShared()
    const seen = await thread.do(async (engine, { tensor, failure }) => {
      const x = tensor('float32', [4], [1, 0, 0, 0])
      const job = await engine.runAsync({ x })
      return {
        job,
        errors: [
          await failure(() => engine.run({ x }, { timeout: 5 })),
          await failure(() => engine.wait(job, { timeout: 5 })),
        ],
      }
    })
    expect(seen.errors.map(({ code }) => code)).toEqual(Array(2).fill('HAL_DEADLINE_EXCEEDED'))
    driver.answer()
    expect(numbers((await engine.wait(seen.job)).y)[0]).toBe(1)
  })
})

describe('a handle', () => {
  it('is for one connection', async () => {
    const { engine } = await openManual()
    const handle = engine.share()
    await connectEngine(handle)
    await expect(connectEngine(handle)).rejects.toMatchObject({ code: 'HAL_FAILED_PRECONDITION' })
    await expect(connectEngine({} as never)).rejects.toThrow(TypeError)
  })

  it('without an engine at its other end is given up on', async () => {
    const { port1, port2 } = new MessageChannel()
    const error = connectEngine(port1 as never, { timeout: 5 })
    await expect(error).rejects.toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED' })
    const other = connectEngine(port2 as never)
    await expect(other).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST' })
  })

  it('works on the thread of the engine too, but for what would wait for that very thread', async () => {
    const manual = await openManual()
    answering(manual)
    const remote = await connectEngine(manual.engine.share())
    expect(numbers((await remote.run(tagged(4))).y)[0]).toBe(4)
    for (const call of [
      () => remote.stats(),
      () => remote.resetStats(),
      () => remote.runSync(tagged(1)),
      () => remote.tryRunAsync(tagged(1)),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'HAL_FAILED_PRECONDITION' }))
    }
    await remote.close()
    expect(manual.engine.stats()).toMatchObject({ accepted: 1, load: 0 })
  })

  it('can be made where the engine is not', async () => {
    const manual = await openShared()
    answering(manual)
    const handle = await manual.thread.do((engine, { tell }) => {
      const handle = engine.share()
      tell(handle, [handle])
    })
    expect(handle).toBe(undefined)
    const [told] = await manual.thread.until(1)
    const other = keep(new Thread(told as EngineHandle))
    await manual.thread.end()
    const { y } = await other.do((engine, { tensor }) =>
      engine.run({ x: tensor('float32', [4], [5, 0, 0, 0]) }),
    )
    expect(y?.data[0]).toBe(5)
  })
})
