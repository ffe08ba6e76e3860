import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { connectEngine, createHal, HalError, tensor } from '../src/index.ts'
import { collectGarbage } from './fixtures/garbage.mjs'
import {
  bufferOf,
  failure,
  flush,
  ManualBackend,
  MODEL,
  numbers,
  openManual,
  tagged,
} from './fixtures/manual-backend.ts'
import { answering, endThreads, given, join, openShared, until } from './fixtures/shared.ts'

afterEach(endThreads)

describe('the callback of another thread', () => {
  it('gets outputs, userArg and job of every run, whoever submitted it', async () => {
    const manual = await openShared()
    answering(manual)
    const { engine, thread } = manual
    await thread.do(async (engine, { tell }) => {
      engine.registerCallback((outputs, userArg, job) => tell([outputs.y?.data[0], userArg, job]))
      await engine.device.status()
    })
    const here = await engine.runAsync(tagged(1), { from: 'here' })
    const there = await thread.do(async (engine, { tensor }) => {
      const x = tensor('float32', [4], [2, 0, 0, 0])
      return [await engine.runAsync({ x }, new Map([['from', 'there']])), engine.tryRunAsync({ x }, 3)]
    })
    expect(await thread.until(3)).toEqual([
      [1, { from: 'here' }, here],
      [2, new Map([['from', 'there']]), there[0]],
      [2, 3, there[1]],
    ])
    expect((await failure(engine.wait(here))).code).toBe('HAL_NOT_FOUND')
    await until(() => engine.load === 0)
  })

  it('has its outputs until it is through, then they are used again', async () => {
    const { driver, engine, thread } = await openShared({}, { maxLoad: 1, bufferCount: 1 })
    await thread.do(async (engine, { tell, state }) => {
      engine.registerCallback(async (outputs) => {
        tell(outputs.y?.data)
        await new Promise((resolve) => {
          state.go = resolve
        })
        tell(Array.from(outputs.y?.data as Float32Array))
      })
      await engine.device.status()
    })
    const memory: unknown[] = []
    driver.onRun = (run) => memory.push(bufferOf(run.outputs[0]))
    await engine.runAsync(tagged(1))
    driver.answer()
    await thread.until(1)
    const second = engine.runAsync(tagged(2))
    for (let turn = 0; turn < 10; turn++) await flush()
    expect(engine.load).toBe(1)
    expect(memory).toHaveLength(1)
    await thread.do((_, { state }) => state.go())
    await second
    driver.answer()
    await thread.until(3)
    await thread.do((_, { state }) => state.go())
    await thread.until(4)
    expect(memory[1]).toBe(memory[0])
    expect(thread.told[1]).toEqual([1, 1, 1, 1])
    expect(thread.told[3]).toEqual([2, 2, 2, 2])
  })

  it('reaches the error event of the engine with what it throws, and fails no run', async () => {
    const manual = await openShared()
    answering(manual)
    const { engine, thread } = manual
    const errors: HalError[] = []
    engine.on('error', (error) => errors.push(error))
    await thread.do(async (engine, { tensor }) => {
      const x = tensor('float32', [4])
      engine.registerCallback(() => {
        throw new RangeError('at once')
      })
      await engine.run({ x })
      engine.registerCallback(async () => {
        await null
        throw 'later'
      })
      await engine.run({ x })
    })
    expect(errors).toMatchObject([
      { code: 'HAL_INTERNAL', cause: expect.any(RangeError) },
      { code: 'HAL_INTERNAL', cause: 'later' },
    ])
    expect(engine.stats()).toMatchObject({ callbackErrors: 2, succeeded: 2, failed: 0, load: 0 })
  })

  it('is one for all threads: the last registration holds, for runs submitted afterwards', async () => {
    const manual = await openShared()
    const { driver, engine, thread } = manual
    const other = join(manual)
    const seen: unknown[] = []
    engine.registerCallback((_, userArg) => void seen.push(userArg))
    await engine.runAsync(tagged(1), 'here')
    for (const next of [thread, other]) {
      await next.do(async (engine, { tell, tensor }) => {
        engine.registerCallback((_, userArg) => tell(userArg))
        await engine.runAsync({ x: tensor('float32', [4]) }, 'there')
      })
    }
    await other.do((engine) => {
      engine.registerCallback(null)
      return engine.device.status()
    })
    const job = await engine.runAsync(tagged(4), 'nobody')
    for (let run = 0; run < 4; run++) driver.answer()
    await engine.wait(job)
    await Promise.all([thread.until(1), other.until(1)])
    expect([seen, thread.told, other.told]).toEqual([['here'], ['there'], ['there']])
  })

  it('is forgotten when another one has taken its place', async () => {
    const { thread } = await openShared()
    await thread.do(async (engine, { state }) => {
      const callback = () => {}
      state.callback = new WeakRef(callback)
      engine.registerCallback(callback)
      engine.registerCallback(() => {})
      await engine.device.status()
    })
    const collected = async () => {
      collectGarbage()
      await flush()
      return thread.do(async (_, { state, collectGarbage }) => {
        await null
        collectGarbage()
        return state.callback.deref() === undefined
      })
    }
    // The collector tells a little later than it collects.
    for (let turn = 0; turn < 200 && !(await collected()); turn++) await flush()
    expect(await collected()).toBe(true)
  })

  it('keeps its thread alive until its own runs have come, and no longer', async () => {
    const manual = await openManual()
    const thread = join(manual, async (engine, { tensor, tell }) => {
      const x = tensor('float32', [4])
      engine.registerCallback((_, userArg) => tell(userArg))
      await engine.runAsync({ x }, 'came')
      await engine.runAsync({ x }, 'failed')
    })
    await given(manual, 1)
    let ended = false
    thread.exited.then(() => {
      ended = true
    })
    for (let turn = 0; turn < 20; turn++) await flush()
    expect(ended).toBe(false)
    manual.driver.answer()
    await given(manual, 2)
    manual.driver.fail(new Error('no luck'))
    expect(await thread.exited).toBe(0)
    expect(thread.told).toEqual(['came'])
    await until(() => manual.engine.load === 0)
  })
})

describe('a thread that ends', () => {
  const endings = [
    ['terminated', undefined],
    ['leaving by process.exit', () => process.exit(0)],
  ] as const

  it.each(endings)('%s: its runs are given up on, and the engine goes on', async (_, exit) => {
    const manual = await openShared({}, { maxLoad: 3 })
    const { driver, engine, thread } = manual
    const submitted = await thread.do((engine, { tensor }) => {
      const { signal } = new AbortController()
      return engine.runAsync({ x: tensor('float32', [4], [3, 0, 0, 0]) }, undefined, { signal })
    })
    thread
      .do(async (engine, { tensor, tell }) => {
        const x = tensor('float32', [4])
        const { signal } = new AbortController()
        const runs = [
          engine.run({ x }),
          engine.run({ x }, { signal }),
          engine.run({ x }),
          engine.runAsync({ x }),
        ]
        await engine.device.status()
        tell('under way')
        await Promise.all(runs)
      })
      .catch(() => {})
    await thread.until(1)
    expect(engine.load).toBe(3)
    if (exit === undefined) await thread.end()
    else thread.do(exit).catch(() => {})
    await thread.exited
    await until(() => engine.load === 1)
    expect(engine.stats()).toMatchObject({ accepted: 3, cancelled: 2 })
    const mine = engine.run(tagged(5))
    driver.answer()
    await given(manual, 2)
    driver.answer()
    expect(numbers((await mine).y)[0]).toBe(5)
    expect(numbers((await engine.wait(submitted)).y)[0]).toBe(3)
    expect(engine.stats()).toMatchObject({ accepted: 4, succeeded: 2, load: 0 })
  })

  it('in the middle of a run has it stopped, and its core is free when the device lets go', async () => {
    const manual = await openShared()
    const { driver, engine, thread } = manual
    thread.do((engine, { tensor }) => engine.run({ x: tensor('float32', [4]) })).catch(() => {})
    await given(manual, 1)
    await thread.end()
    await until(() => engine.load === 0)
    expect(driver.cancelled).toHaveLength(1)
    const next = engine.run(tagged(2))
    driver.answer()
    driver.answer()
    expect(numbers((await next).y)[0]).toBe(2)
  })

  it('standing still in runSync is no different', async () => {
    const manual = await openShared()
    const { engine, thread } = manual
    thread.do((engine, { tensor }) => engine.runSync({ x: tensor('float32', [4]) })).catch(() => {})
    await given(manual, 1)
    await thread.end()
    await until(() => engine.load === 0)
    expect(engine.stats().cancelled).toBe(1)
  })

  it('leaves the job that it waited for to others', async () => {
    const { driver, engine, thread } = await openShared()
    const job = await engine.runAsync(tagged(6))
    thread
      .do(async (engine, { tell, tensor }, job) => {
        const all = [engine.wait(job), engine.run({ x: tensor('float32', [4]) })]
        await engine.device.status()
        tell('waiting')
        await Promise.all(all)
      }, job)
      .catch(() => {})
    await thread.until(1)
    expect((await failure(engine.wait(job))).code).toBe('HAL_FAILED_PRECONDITION')
    await thread.end()
    await until(() => engine.load === 1)
    const mine = engine.wait(job)
    driver.answer()
    expect(numbers((await mine).y)[0]).toBe(6)
  })

  it('takes its callback with it, and gives back the outputs that it held', async () => {
    const manual = await openShared({}, { maxLoad: 1 })
    const { driver, engine, thread } = manual
    await thread.do(async (engine, { tell }) => {
      engine.registerCallback(() => {
        tell('called')
        return new Promise(() => {})
      })
      await engine.device.status()
    })
    const job = await engine.runAsync(tagged(1))
    driver.answer()
    await thread.until(1)
    expect(engine.load).toBe(1)
    await thread.end()
    await until(() => engine.load === 0)
    expect((await failure(engine.wait(job))).code).toBe('HAL_NOT_FOUND')
    const next = await engine.runAsync(tagged(2))
    driver.answer()
    expect(numbers((await engine.wait(next)).y)[0]).toBe(2)
  })

  it('does not take the callback of another one with it', async () => {
    const manual = await openShared()
    const { driver, engine, thread } = manual
    await thread.do(async (engine) => {
      engine.registerCallback(() => {})
      await engine.device.status()
    })
    const seen: unknown[] = []
    engine.registerCallback((_, userArg) => void seen.push(userArg))
    await thread.end()
    await flush()
    await engine.runAsync(tagged(1), 'mine')
    driver.answer()
    expect(seen).toEqual(['mine'])
  })

  it('that has nothing to wait for is not kept by its connection', async () => {
    const manual = await openManual()
    const thread = join(manual, (engine) => void engine.on('run', () => {}))
    expect(await thread.exited).toBe(0)
    expect(thread.told).toEqual([])
  })
})

describe('close on another thread', () => {
  it('waits for its runs and leaves the engine open', async () => {
    const manual = await openShared()
    const { driver, engine, thread } = manual
    const seen = thread.do(async (engine, { tensor, failure }) => {
      const run = engine.run({ x: tensor('float32', [4], [4, 0, 0, 0]) })
      const closing = engine.close()
      const same = closing === engine.close() && closing === engine[Symbol.asyncDispose]?.()
      const { y } = await run
      await closing
      return [
        ...[same, y?.data[0]],
        (await failure(() => engine.run({ x: tensor('float32', [4]) }))).code,
        (await failure(() => engine.stats())).code,
        (await failure(() => engine.share())).code,
        (await failure(() => engine.registerCallback(null))).code,
        (await failure(() => engine.device.status())).code,
      ]
    })
    await given(manual, 1)
    driver.answer()
    expect(await seen).toEqual([true, 4, ...Array(5).fill('HAL_FAILED_PRECONDITION')])
    const mine = engine.run(tagged(2))
    driver.answer()
    expect(numbers((await mine).y)[0]).toBe(2)
  })

  it('with a timeout gives up on them', async () => {
    const manual = await openShared()
    const { driver, engine, thread } = manual
    const seen = await thread.do(async (engine, { tensor, failure }) => {
      const run = failure(() => engine.run({ x: tensor('float32', [4]) }))
      await engine.close({ timeout: 10 })
      return run
    })
    expect(seen).toMatchObject({ code: 'HAL_ABORTED', isInstance: true })
    await until(() => engine.load === 0)
    driver.answer()
    const mine = engine.run(tagged(2))
    driver.answer()
    await mine
  })
})

describe('an engine that closes', () => {
  it('settles the runs of other threads, and says to them that it is closed', async () => {
    const manual = await openShared()
    const { driver, engine, thread } = manual
    const seen = thread.do(async (engine, { tensor }) => {
      const { y } = await engine.run({ x: tensor('float32', [4], [4, 0, 0, 0]) })
      return y?.data[0]
    })
    await given(manual, 1)
    const closing = engine.close()
    driver.answer()
    expect(await seen).toBe(4)
    await closing
    const errors = await thread.do(async (engine, { tensor, failure }) => {
      const x = tensor('float32', [4])
      return [
        await failure(() => engine.run({ x })),
        await failure(() => engine.runSync({ x })),
        await failure(() => engine.tryRunAsync({ x })),
      ]
    })
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'HAL_FAILED_PRECONDITION', message: `${engine.id} is closed` })
    }
  })
})

describe('events', () => {
  it('are forwarded while somebody there listens', async () => {
    const manual = await openShared()
    answering(manual)
    const { backend, engine, thread } = manual
    await engine.run(tagged(1))
    await thread.do(async (engine, { tell, state }) => {
      state.listener = ({ job, device, error }: { job: number; device: string; error?: HalError }) =>
        tell([job, device, error?.code])
      engine.on('run', state.listener)
      engine.on('lost', (error) =>
        tell(['lost', error.code, error.cause instanceof Error, engine.device.lost]),
      )
      engine.on('recovered', () => tell(['recovered', engine.device.lost]))
      engine.on('error', (error) => tell(error.message))
      await engine.device.status()
    })
    await engine.run(tagged(1))
    await failure(engine.run(tagged(1), { signal: AbortSignal.abort() }))
    await thread.until(1)
    expect(thread.told).toEqual([[expect.any(Number), 'manual:0', undefined]])
    await thread.do(async (engine, { state }) => {
      engine.off('run', state.listener)
      await engine.device.status()
    })
    await engine.run(tagged(1))
    backend.tell('manual:0', { kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'unplugged') })
    backend.tell('manual:0', { kind: 'recovered' })
    await thread.until(3)
    expect(thread.told.slice(1)).toEqual([
      ['lost', 'HAL_DEVICE_LOST', true, true],
      ['recovered', false],
    ])
  })

  it('with a listener that throws are logged by the HAL of the engine', async () => {
    const logged: [string, string][] = []
    const backend = new ManualBackend()
    const hal = createHal({ backends: [backend], logger: (level, message) => logged.push([level, message]) })
    const remote = await connectEngine((await hal.openEngine(MODEL)).share())
    remote.on('lost', () => {
      throw new Error('from the listener')
    })
    await remote.device.status()
    backend.tell('manual:0', { kind: 'lost', error: new HalError('HAL_DEVICE_LOST', 'unplugged') })
    await until(() => logged.length > 0)
    expect(logged).toEqual([['error', "a listener for 'lost' threw: from the listener"]])
    await hal.close()
  })
})

describe('clones', () => {
  it('belong to the thread that makes them', async () => {
    const manual = await openShared()
    const { backend, thread } = manual
    const seen = await thread.do(async (engine, { state }) => {
      const [closed, kept] = [await engine.clone({ maxLoad: 5 }), await engine.clone()]
      state.kept = kept
      const ids = new Set([engine.id, closed.id, kept.id]).size
      const { maxLoad } = closed.options
      await closed.close()
      return { ids, maxLoad }
    })
    expect(seen).toEqual({ ids: 3, maxLoad: 5 })
    expect(backend.engines.map(({ closed }) => closed)).toEqual([0, 1, 0])
    await thread.end()
    await until(() => backend.engines[2]?.closed === 1)
    expect(backend.engines[0]?.closed).toBe(0)
  })
})

describe('what a thread sends that makes no sense', () => {
  const nonsense: readonly unknown[] = [
    ...[null, undefined, 5, 'run', [], {}, { kind: 5 }, { kind: 'run' }, { kind: 'run', call: 'x' }],
    ...[
      { kind: 'nothing', call: 1 },
      { kind: 'wait', call: 2, job: {} },
      { kind: 'wait', call: 3, job: 1 },
    ],
    ...[
      { kind: 'run', call: 4 },
      { kind: 'run', call: 5, inputs: null },
      { kind: 'run', call: 6, inputs: 7 },
    ],
    { kind: 'run', call: 7, inputs: [{ dataType: 'float32', shape: [2 ** 40], data: new Float32Array(4) }] },
    { kind: 'run', call: 8, inputs: [tensor('float32', [4])], options: { timeout: 'soon' } },
    { kind: 'run', call: 9, inputs: [tensor('float32', [4])], options: { outputs: { y: 5 }, priority: {} } },
    { kind: 'run', call: 10, inputs: [1], names: 'x' },
    ...[
      { kind: 'run-now', call: 11 },
      { kind: 'submit', call: 12 },
      { kind: 'try-submit', call: 13 },
    ],
    ...[
      { kind: 'status', call: 14, device: 9 },
      { kind: 'clone', call: 15, options: { maxLoad: 'x' } },
    ],
    ...[
      { kind: 'connect', call: 16, protocol: 0 },
      { kind: 'cancel', call: 99 },
      { kind: 'cancel', call: 1, reason: 1 },
    ],
    ...[{ kind: 'register' }, { kind: 'register', callback: {} }, { kind: 'called-back', delivery: 5 }],
    ...[
      { kind: 'called-back', delivery: 5, error: 5 },
      { kind: 'listen', event: 'x', on: true },
    ],
    ...[
      { kind: 'listen', event: '__proto__', on: true },
      { kind: 'copied', bytes: Number.NaN },
    ],
    ...[
      { kind: 'copied', bytes: '5' },
      { kind: 'copied', bytes: -5 },
      { kind: 'share' },
      { kind: 'share', port: 5 },
    ],
    ...[{ kind: 'log', level: 'shout', message: 1 }, { kind: 'log' }, { kind: '__proto__', call: 17 }],
    { kind: 'run', call: 18, inputs: [tensor('float32', [4])], bytesCopied: '5' },
  ]

  it('does not reach the engine', async () => {
    const manual = await openManual()
    answering(manual)
    const { engine } = manual
    const handle = engine.share() as MessagePort
    const answers: unknown[] = []
    handle.on('message', (message: { call: number; kind: string }) => answers.push(message.call))
    for (const message of nonsense) handle.postMessage(message)
    const { port1, port2 } = new MessageChannel()
    handle.postMessage({ kind: 'status', call: port1, device: 0 }, [port1])
    handle.postMessage({ kind: 'status', call: 100, device: 0 })
    await until(() => answers.includes(100))
    port2.close()
    expect(numbers((await engine.run(tagged(3))).y)[0]).toBe(3)
    await until(() => engine.load === 0)
    expect(engine.stats().bytesCopied).toBe(0)
    handle.close()
  })
})
