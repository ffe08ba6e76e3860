import { describe, expect, it } from 'vitest'
import { type Engine, HalError } from '../src/index.ts'
import {
  cores,
  failure,
  flush,
  type ManualEngine,
  openAlso,
  openManual,
  tagged,
} from './fixtures/manual-backend.ts'

/** Submits runs with these tags; their results go to a callback that ignores them. */
function submit(engine: Engine, tags: number[], options: Parameters<Engine['tryRunAsync']>[2] = {}) {
  engine.registerCallback(() => {})
  engine.on('error', () => {})
  return tags.map((tag) => engine.tryRunAsync(tagged(tag), undefined, options))
}

describe('where a run goes', () => {
  it('is the core with the least to do', async () => {
    const { engine, driver } = await openManual({ cores: cores(3), depth: 2 })
    submit(engine, [1, 2, 3, 4, 5, 6])
    expect([0, 1, 2].map((lane) => driver.tags(lane))).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    driver.answer(driver.held[1])
    driver.answer(driver.held.find(({ lane }) => lane === 1))
    submit(engine, [7])
    expect(driver.tags(1)).toEqual([7])
  })

  it('counts what other engines of the device do there', async () => {
    const first = await openManual({ cores: cores(2) })
    const second = await openAlso(first)
    submit(first.engine, [1])
    submit(second.engine, [2])
    expect(first.driver.tags(0)).toEqual([1])
    expect(second.driver.tags(1)).toEqual([2])
  })

  it('is the core with the most free slots', async () => {
    const wide = [
      { id: 'a', slots: 1 },
      { id: 'b', slots: 3 },
    ]
    const lanes = ['a', 'b', 'b', 'b'].map((core) => ({ core, depth: 1 }))
    const { engine, driver } = await openManual({ cores: wide, lanes })
    submit(engine, [1, 2, 3, 4, 5])
    expect(driver.held).toHaveLength(4)
    expect(new Set(driver.held.map(({ lane }) => lane)).size).toBe(4)
  })

  it('never exceeds bufferCount, nor the depth of a lane', async () => {
    const { engine, driver } = await openManual({ cores: cores(2), depth: 2 }, { bufferCount: 3 })
    submit(engine, [1, 2, 3, 4, 5])
    expect(driver.tags()).toEqual([1, 2, 3])
    driver.answer()
    expect(driver.tags()).toEqual([2, 3, 4])
    const deep = await openManual({ depth: 2 })
    submit(deep.engine, [1, 2, 3])
    expect(deep.driver.tags()).toEqual([1, 2])
  })

  it('moves a run at hand to a core that falls idle', async () => {
    const { engine, driver } = await openManual({ cores: cores(2), depth: 2, recall: true })
    submit(engine, [1, 2, 3, 4])
    expect([driver.tags(0), driver.tags(1)]).toEqual([
      [1, 3],
      [2, 4],
    ])
    driver.answer(driver.held[1])
    expect(driver.recalled).toHaveLength(0)
    driver.answer(driver.held.find(({ lane }) => lane === 1))
    expect([driver.tags(0), driver.tags(1)]).toEqual([[1], [3]])
    driver.answerAll()
    await flush()
    expect(engine.stats()).toMatchObject({ succeeded: 4, strayAnswers: 0, load: 0 })
  })

  it('leaves it where it is when the driver will not give it back', async () => {
    const { engine, driver } = await openManual({ cores: cores(2), depth: 2, recall: true })
    driver.doRecall = () => false
    submit(engine, [1, 2, 3])
    driver.answer(driver.held[1])
    expect([driver.tags(0), driver.tags(1)]).toEqual([[1, 3], []])
  })

  it('refuses a driver with a lane on a core that its device lacks', async () => {
    const error = await failure(openManual({ lanes: [{ core: 'NPU_9', depth: 1 }] }))
    expect(error.message).toContain('NPU_9')
  })
})

it('refuses a driver without a lane', async () => {
  expect((await failure(openManual({ lanes: [] }))).message).toContain('no lane')
})

describe('which run goes next', () => {
  it('is that of the highest priority, in order of submission', async () => {
    const { engine, driver } = await openManual()
    submit(engine, [0])
    submit(engine, [7], { priority: 'low' })
    submit(engine, [4, 5])
    submit(engine, [1, 2], { priority: 'high' })
    driver.answerAll()
    expect(driver.given.map((run) => Number(run.inputs[0]?.data[0]))).toEqual([0, 1, 2, 4, 5, 7])
  })

  it('is one of a lower priority after eight of a higher one', async () => {
    const { engine, driver } = await openManual({}, { maxLoad: 100 })
    submit(engine, [0])
    submit(engine, [100, 101], { priority: 'low' })
    submit(engine, [50, 51])
    submit(
      engine,
      Array.from({ length: 40 }, (_, i) => i + 1),
      { priority: 'high' },
    )
    driver.answerAll()
    const order = driver.given.map((run) => Number(run.inputs[0]?.data[0]))
    const place = (tag: number) => order.indexOf(tag)
    // 0, eight of high, then one each of low and normal, and so on.
    expect([place(100), place(50)].sort((a, b) => a - b)).toEqual([9, 10])
    expect(place(101)).toBeLessThanOrEqual(20)
    expect(place(51)).toBeLessThanOrEqual(20)
    expect(place(40)).toBe(44)
  })

  it('takes the engine default, unless the run says otherwise', async () => {
    const { engine, driver } = await openManual({}, { priority: 'low' })
    submit(engine, [0, 1])
    submit(engine, [2], { priority: 'normal' })
    driver.answerAll()
    expect(driver.given.map((run) => Number(run.inputs[0]?.data[0]))).toEqual([0, 2, 1])
    const wrong = await failure(engine.run(tagged(1), { priority: 'hihg' as 'high' }))
    expect(wrong).toMatchObject({
      code: 'HAL_INVALID_ARGUMENT',
      message: expect.stringContaining("mean 'high'"),
    })
  })
})

/** Keeps engines of one device busy, answering the oldest run each time; gives the milliseconds each one had. */
function contend(
  parties: readonly { engine: Engine; driver: ManualEngine; ms: () => number }[],
  runs: number,
): number[] {
  const had = parties.map(() => 0)
  for (const { engine } of parties) engine.registerCallback(() => {})
  for (let i = 0; i < runs; i++) {
    for (const { engine } of parties) while (engine.load < 6) engine.tryRunAsync(tagged(i))
    const turn = parties.findIndex(({ driver }) => driver.held.length > 0)
    const party = parties[turn] as (typeof parties)[number]
    const ms = party.ms()
    had[turn] = (had[turn] ?? 0) + ms
    party.driver.answer(undefined, { ms })
  }
  return had
}

describe('engines that share a core', () => {
  it.each([
    [1, 1, 2, 2],
    [1, 3, 2, 2],
    [1, 3, 10, 1],
    [2, 1, 1, 25],
  ])('with weights %d and %d share its time accordingly, at %d and %d ms a run', async (w1, w2, ms1, ms2) => {
    const first = await openManual({}, { weight: w1 })
    const second = await openAlso(first, { weight: w2 })
    let odd = false
    const around = (ms: number) => () => {
      odd = !odd
      return odd ? ms * 0.5 : ms * 1.5
    }
    const had = contend(
      [
        { ...first, ms: around(ms1) },
        { ...second, ms: around(ms2) },
      ],
      3000,
    )
    const [a = 0, b = 0] = had
    expect(a / (a + b)).toBeCloseTo(w1 / (w1 + w2), 1.3)
  })

  it('owe nothing to one that had no work', async () => {
    const first = await openManual()
    const second = await openAlso(first)
    contend([{ ...first, ms: () => 10 }], 500)
    const [a = 0, b = 0] = contend(
      [
        { ...first, ms: () => 10 },
        { ...second, ms: () => 10 },
      ],
      100,
    )
    expect(Math.abs(a - b)).toBeLessThan(100)
  })

  it('are not charged for runs that were taken back', async () => {
    const first = await openManual({ depth: 2, recall: true })
    const second = await openAlso(first)
    submit(first.engine, [1])
    for (let i = 0; i < 50; i++) {
      const abort = new AbortController()
      submit(first.engine, [2], { signal: abort.signal })
      abort.abort()
    }
    expect(first.driver.recalled).toHaveLength(50)
    first.driver.answerAll()
    const [a = 0, b = 0] = contend(
      [
        { ...first, ms: () => 1 },
        { ...second, ms: () => 1 },
      ],
      60,
    )
    expect(Math.abs(a - b)).toBeLessThan(15)
  })

  it.each([
    ['', () => Promise.resolve()],
    [' and whose driver could not close', () => Promise.reject(new Error('would not unload'))],
  ])('get the core of one that was closed with a run inside%s', async (_, onClose) => {
    const first = await openManual()
    const second = await openAlso(first)
    first.driver.onClose = onClose
    const stuck = failure(first.engine.run(tagged(1)))
    await first.engine.close({ timeout: 1 }).catch(() => {})
    expect((await stuck).code).toBe('HAL_ABORTED')
    const next = second.engine.run(tagged(2))
    expect(second.driver.held).toHaveLength(1)
    second.driver.answer()
    await next
    first.driver.answer(first.driver.given[0])
    expect(first.engine.stats().strayAnswers).toBe(1)
  })
})

describe('a run that is cancelled', () => {
  it('while queued never reaches the driver', async () => {
    const { engine, driver } = await openManual()
    const abort = new AbortController()
    submit(engine, [1])
    const second = engine.run(tagged(2), { signal: abort.signal })
    abort.abort('enough')
    expect(await failure(second)).toMatchObject({ code: 'HAL_ABORTED', cause: 'enough' })
    driver.answerAll()
    expect(driver.given).toHaveLength(1)
    expect(driver.cancelled).toHaveLength(0)
  })

  it('while at hand is recalled, and its place is used', async () => {
    const { engine, driver } = await openManual({ depth: 2, recall: true })
    const abort = new AbortController()
    submit(engine, [1])
    const second = failure(engine.run(tagged(2), { signal: abort.signal }))
    submit(engine, [3])
    expect(driver.tags()).toEqual([1, 2])
    abort.abort()
    expect(driver.tags()).toEqual([1, 3])
    expect((await second).code).toBe('HAL_ABORTED')
    expect(driver.cancelled).toHaveLength(0)
  })

  it('while executing is settled at once, and its late answer is thrown away', async () => {
    const { engine, driver } = await openManual()
    const abort = new AbortController()
    const run = failure(engine.run(tagged(1), { signal: abort.signal }))
    abort.abort()
    expect((await run).code).toBe('HAL_ABORTED')
    expect(driver.cancelled).toHaveLength(1)
    expect(engine.load).toBe(0)
    submit(engine, [2])
    expect(driver.tags()).toEqual([1])
    driver.answer()
    expect(driver.tags()).toEqual([2])
    expect(engine.stats()).toMatchObject({ cancelled: 1, strayAnswers: 1 })
  })

  it('settles also when the driver throws over it', async () => {
    const { engine, driver } = await openManual({ recall: true })
    driver.doCancel = () => {
      throw new Error('no cancel')
    }
    driver.doRecall = () => {
      throw new Error('no recall')
    }
    const abort = new AbortController()
    const run = failure(engine.run(tagged(1), { signal: abort.signal }))
    abort.abort()
    expect((await run).code).toBe('HAL_ABORTED')
    expect(engine.load).toBe(0)
  })
})

describe('a driver', () => {
  it('that throws from doRun fails that run and no other', async () => {
    const { engine, driver } = await openManual()
    driver.onRun = (run) => {
      driver.held.splice(driver.held.indexOf(run), 1)
      throw new HalError('HAL_UNAVAILABLE', 'not now')
    }
    const error = await failure(engine.run(tagged(1)))
    expect(error).toMatchObject({
      code: 'HAL_UNAVAILABLE',
      engine: engine.id,
      device: 'manual:0',
      job: expect.any(Number),
    })
    driver.onRun = undefined
    const next = engine.run(tagged(2))
    driver.answer()
    await next
    expect(engine.stats()).toMatchObject({ failed: 1, succeeded: 1, strayAnswers: 0, load: 0 })
  })

  it.each(['any', 'shared'] as const)(
    'that answers within doRun, with memory %s, does not nest',
    async (memory) => {
      const { engine, driver } = await openManual({ memory }, { maxLoad: 10_000 })
      const runs = Array.from({ length: 10_000 }, (_, i) => engine.run(tagged(i)))
      let [depth, deepest] = [0, 0]
      driver.onRun = (run) => {
        deepest = Math.max(deepest, ++depth)
        driver.answer(run)
        depth--
      }
      driver.answer()
      const results = await Promise.all(runs)
      expect(deepest).toBe(1)
      expect(results.every((outputs, i) => outputs.y?.data[0] === i)).toBe(true)
    },
  )

  it.each(['any', 'shared'] as const)(
    'that answers within doRun, with memory %s, is heard after the submission',
    async (memory) => {
      const { engine, driver } = await openManual({ memory })
      driver.onRun = (run) => driver.answer(run)
      const order: unknown[] = []
      engine.registerCallback((_, userArg, job) => void order.push(userArg, job))
      const job = engine.tryRunAsync(tagged(1), 'mine')
      order.push('submitted')
      await flush()
      expect(order).toEqual(['submitted', 'mine', job])
    },
  )
})
