import { describe, expect, it } from 'vitest'
import { HalError, type JobId } from '../src/index.ts'
import { failure, flush, numbers, openManual, tagged } from './fixtures/manual-backend.ts'

describe('the callback', () => {
  it('gets outputs, userArg and job of every run that succeeds, however submitted', async () => {
    const { engine, driver } = await openManual()
    const seen: unknown[] = []
    engine.registerCallback((outputs, userArg, job) => void seen.push([numbers(outputs.y)[0], userArg, job]))
    const first = await engine.runAsync(tagged(1), 'a')
    const second = engine.tryRunAsync(tagged(2), undefined, { userArg: 'b' })
    const run = engine.run(tagged(3), { userArg: 'c' })
    driver.answerAll()
    expect(numbers((await run).y)[0]).toBe(3)
    expect(seen).toEqual([
      [1, 'a', first],
      [2, 'b', second],
      [3, 'c', expect.any(Number)],
    ])
  })

  it('holds for runs submitted afterwards only', async () => {
    const { engine, driver } = await openManual()
    const seen: string[] = []
    const before = engine.tryRunAsync(tagged(1))
    engine.registerCallback(() => void seen.push('first'))
    engine.tryRunAsync(tagged(2))
    engine.registerCallback(() => void seen.push('second'))
    engine.tryRunAsync(tagged(3))
    engine.registerCallback(null)
    const after = engine.tryRunAsync(tagged(4))
    driver.answerAll()
    await flush()
    expect(seen).toEqual(['first', 'second'])
    expect(numbers((await engine.wait(before)).y)[0]).toBe(1)
    expect(numbers((await engine.wait(after)).y)[0]).toBe(4)
    expect(() => engine.registerCallback(5 as unknown as null)).toThrow(TypeError)
  })

  it('takes the result: it cannot be waited for afterwards', async () => {
    const { engine, driver } = await openManual()
    engine.registerCallback(() => {})
    const job = engine.tryRunAsync(tagged(1))
    driver.answer()
    expect((await failure(engine.wait(job))).code).toBe('HAL_NOT_FOUND')
  })

  it('and one who waits both get the result; then it belongs to the latter', async () => {
    const { engine, driver } = await openManual()
    const seen: number[] = []
    engine.registerCallback((outputs) => void seen.push(Number(outputs.y?.data[0])))
    const job = engine.tryRunAsync(tagged(1))
    const mine = engine.wait(job)
    driver.answer()
    const { y } = await mine
    for (let tag = 2; tag < 20; tag++) {
      engine.tryRunAsync(tagged(tag))
      driver.answer()
    }
    expect(numbers(y)).toEqual([1, 1, 1, 1])
    expect(seen).toHaveLength(19)
  })

  it('has its outputs until it returns, then they are used again', async () => {
    const { engine, driver } = await openManual()
    const memory = new Set<unknown>()
    engine.registerCallback((outputs) => void memory.add(outputs.y?.data))
    for (let tag = 1; tag < 20; tag++) {
      engine.tryRunAsync(tagged(tag))
      driver.answer()
    }
    expect(memory.size).toBe(1)
  })

  it('has its outputs until its promise settles', async () => {
    const { engine, driver } = await openManual()
    const held: { tag: number; data: number[]; later: number[] }[] = []
    const gates: (() => void)[] = []
    engine.registerCallback(async (outputs, tag) => {
      const data = numbers(outputs.y)
      await new Promise<void>((resolve) => gates.push(resolve))
      held.push({ tag: tag as number, data, later: numbers(outputs.y) })
    })
    for (let tag = 1; tag <= 5; tag++) {
      engine.tryRunAsync(tagged(tag), tag)
      driver.answer()
    }
    expect(engine.load).toBe(5)
    for (const open of gates) open()
    await flush()
    expect(engine.load).toBe(0)
    for (const { tag, data, later } of held) expect([data[0], later[0]]).toEqual([tag, tag])
    expect(held).toHaveLength(5)
  })

  it('refuses that its own run is waited for inside', async () => {
    const { engine, driver } = await openManual()
    const errors: unknown[] = []
    engine.registerCallback(
      async (_outputs, _userArg, job) => void errors.push(await failure(engine.wait(job))),
    )
    engine.tryRunAsync(tagged(1))
    driver.answer()
    await flush()
    expect(errors).toMatchObject([{ code: 'HAL_FAILED_PRECONDITION' }])
    expect(engine.load).toBe(0)
  })

  it.each(['throws', 'rejects'])('that %s reaches the error event, and nothing else', async (how) => {
    const { engine, driver } = await openManual()
    const errors: HalError[] = []
    engine.on('error', (error) => errors.push(error))
    const boom = new Error('boom')
    engine.registerCallback(() => {
      if (how === 'rejects') return Promise.reject(boom)
      throw boom
    })
    const job = engine.tryRunAsync(tagged(1))
    const run = engine.run(tagged(2))
    driver.answerAll()
    expect(numbers((await run).y)[0]).toBe(2)
    await flush()
    expect(errors).toHaveLength(2)
    expect(errors[0]).toMatchObject({ code: 'HAL_INTERNAL', job, engine: engine.id, cause: boom })
    expect(engine.stats()).toMatchObject({ succeeded: 2, failed: 0, callbackErrors: 2, load: 0 })
  })

  it('is not called for a failed run; the error event is, unless somebody waits', async () => {
    const { engine, driver } = await openManual()
    const errors: HalError[] = []
    let calls = 0
    engine.on('error', (error) => errors.push(error))
    engine.registerCallback(() => void calls++)
    const job = engine.tryRunAsync(tagged(1))
    const waited = engine.tryRunAsync(tagged(2))
    const waiting = failure(engine.wait(waited))
    driver.fail(new HalError('HAL_UNAVAILABLE', 'broke'))
    driver.fail(new HalError('HAL_UNAVAILABLE', 'broke'))
    expect(await waiting).toMatchObject({ job: waited })
    expect(errors).toMatchObject([{ code: 'HAL_UNAVAILABLE', job }])
    expect(calls).toBe(0)
    expect((await failure(engine.wait(job))).code).toBe('HAL_NOT_FOUND')
  })

  it('may submit the next run', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 1 })
    const seen: unknown[] = []
    engine.registerCallback((outputs, left) => {
      seen.push(numbers(outputs.y)[0])
      if ((left as number) > 0) engine.runAsync(tagged((left as number) - 1), (left as number) - 1)
    })
    engine.tryRunAsync(tagged(3), 3)
    while (driver.held.length > 0) {
      driver.answer()
      await flush()
    }
    expect(seen).toEqual([3, 2, 1, 0])
  })
})

describe('an engine with ordered', () => {
  it('delivers in the order of acceptance, whatever the order of answers', async () => {
    const { engine, driver } = await openManual({ depth: 5 }, { ordered: true })
    const seen: (number | undefined)[] = []
    engine.registerCallback((outputs) => void seen.push(numbers(outputs.y)[0]))
    for (const tag of [1, 2, 3, 4, 5]) engine.tryRunAsync(tagged(tag))
    const held = [...driver.held]
    for (const at of [2, 0, 4, 3]) driver.answer(held[at])
    await flush()
    expect(seen).toEqual([1])
    expect(engine.load).toBe(4)
    driver.answer(held[1])
    await flush()
    expect(seen).toEqual([1, 2, 3, 4, 5])
    expect(engine.load).toBe(0)
  })

  it('is not held up by a run that failed', async () => {
    const { engine, driver } = await openManual({ depth: 3 }, { ordered: true })
    const order: (JobId | string)[] = []
    engine.on('error', () => order.push('error'))
    engine.registerCallback((_outputs, _userArg, job) => void order.push(job))
    const jobs = [1, 2, 3].map((tag) => engine.tryRunAsync(tagged(tag)))
    const held = [...driver.held]
    driver.answer(held[2])
    driver.fail(new Error('broke'), held[0])
    driver.answer(held[1])
    await flush()
    expect(order).toEqual(['error', jobs[1], jobs[2]])
  })

  it('keeps the timeout of a run behind a slow one', async () => {
    const { engine, driver } = await openManual({ depth: 3 }, { ordered: true })
    const slow = engine.run(tagged(1))
    const abort = new AbortController()
    const second = failure(engine.run(tagged(2), { signal: abort.signal }))
    const third = engine.run(tagged(3))
    abort.abort()
    let settled = false
    second.then(() => {
      settled = true
    })
    await flush()
    expect(settled).toBe(true)
    const [first] = driver.held
    driver.answer(driver.held.at(-1))
    driver.answer(first)
    expect(numbers((await slow).y)[0]).toBe(1)
    expect(numbers((await third).y)[0]).toBe(3)
  })
})
