import { describe, expect, it } from 'vitest'
import type { DriverRun } from '../src/backend.ts'
import { type Engine, HalError, tensor } from '../src/index.ts'
import {
  bufferOf,
  cores,
  failure,
  flush,
  type ManualEngine,
  openManual,
  tagged,
  tagOf,
} from './fixtures/manual-backend.ts'

const LOST = { code: 'HAL_DEVICE_LOST' }
const error = new HalError('HAL_DEVICE_LOST', 'its worker is stuck')

/** What the engine tells of its lanes, in order. */
function told(engine: Engine): string[] {
  const events: string[] = []
  engine.on('lost', ({ message, engine: id }) => events.push(`lost: ${message} (${id})`))
  engine.on('recovered', () => events.push('recovered'))
  return events
}

/** The run with that tag is no longer held by the driver. */
function take(driver: ManualEngine, tag: number): DriverRun {
  const at = driver.held.findIndex((run) => tagOf(run) === tag)
  const [run] = driver.held.splice(at, 1)
  if (at < 0 || run === undefined) throw new Error(`run ${tag} is not held`)
  return run
}

const submit = (engine: Engine, ...tags: number[]) => tags.map((tag) => engine.run(tagged(tag)))
const tagsGiven = (driver: ManualEngine) => driver.given.map(tagOf)

describe('a lane that is lost', () => {
  it('gets no runs until it has recovered; others serve', async () => {
    const { engine, driver } = await openManual({ cores: cores(2) })
    const events = told(engine)
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    const runs = submit(engine, 1, 2)
    expect([driver.tags(0), driver.tags(1)]).toEqual([[], [1]])
    driver.answer()
    expect([driver.tags(0), driver.tags(1)]).toEqual([[], [2]])
    runs.push(...submit(engine, 3))
    expect(driver.tags(0)).toEqual([])
    driver.tell?.({ kind: 'recovered', lane: 0 })
    expect([driver.tags(0), driver.tags(1)]).toEqual([[3], [2]])
    driver.answerAll()
    expect(await Promise.all(runs)).toHaveLength(3)
    expect(events).toEqual([`lost: its worker is stuck (${engine.id})`, 'recovered'])
  })

  it('leaves runs waiting where it was the only one, and takes new ones in', async () => {
    const { engine, driver } = await openManual()
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    const runs = submit(engine, 1)
    runs.push(...submit(engine, 2))
    await flush()
    expect(driver.given).toEqual([])
    expect(engine.load).toBe(2)
    driver.tell?.({ kind: 'recovered', lane: 0 })
    driver.answerAll()
    expect(await Promise.all(runs)).toHaveLength(2)
  })

  it('does not get a run at hand that could move to an idle core', async () => {
    const { engine, driver } = await openManual({ cores: cores(2), depth: 2, recall: true })
    const runs = submit(engine, 1, 2, 3)
    driver.answer(driver.held.find(({ lane }) => lane === 1))
    runs.push(...submit(engine, 4))
    driver.tell?.({ kind: 'lost', error, lane: 1 })
    driver.answer(driver.held.find(({ lane }) => lane === 1))
    await flush()
    expect(driver.tags(1)).toEqual([])
    driver.answerAll()
    expect(await Promise.all(runs)).toHaveLength(4)
  })

  it('times out runs that wait for it', async () => {
    const { engine, driver } = await openManual()
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    expect(await failure(engine.run(tagged(1), { timeout: 1 }))).toMatchObject({
      code: 'HAL_DEADLINE_EXCEEDED',
    })
    driver.tell?.({ kind: 'recovered', lane: 0 })
    expect(driver.given).toEqual([])
  })

  it('gives way to the loss of the whole', async () => {
    const { engine, driver } = await openManual({ cores: cores(2) })
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    const failed = submit(engine, 1, 2).map(failure)
    driver.tell?.({ kind: 'lost', error })
    for (const run of await Promise.all(failed)) expect(run).toMatchObject(LOST)
    expect(await failure(engine.run(tagged(3)))).toMatchObject(LOST)
  })
})

describe('a run that is given back', () => {
  it('goes first, several of them in their order', async () => {
    const { engine, driver } = await openManual({ depth: 3 })
    const runs = submit(engine, 1, 2, 3, 4, 5)
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    const [first, second, third] = [1, 2, 3].map((tag) => take(driver, tag))
    first?.fail(error)
    second?.giveBack()
    third?.giveBack()
    expect(driver.tags()).toEqual([])
    driver.tell?.({ kind: 'recovered', lane: 0 })
    expect(driver.tags()).toEqual([2, 3, 4])
    driver.answerAll()
    const ends = await Promise.allSettled(runs)
    expect(ends.map(({ status }) => status)).toEqual(['rejected', ...Array(4).fill('fulfilled')])
    expect(engine.stats()).toMatchObject({ accepted: 5, succeeded: 4, failed: 1, strayAnswers: 0, load: 0 })
  })

  it('goes to another lane at once', async () => {
    const { engine, driver } = await openManual({ cores: cores(2) })
    const runs = submit(engine, 1, 2, 3)
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    take(driver, 1).giveBack()
    driver.answer()
    expect(driver.tags(1)).toEqual([1])
    driver.answerAll()
    expect(await Promise.all(runs)).toHaveLength(3)
    expect(tagsGiven(driver)).toEqual([1, 2, 1, 3])
  })

  it('stays behind what has a higher priority', async () => {
    const { engine, driver } = await openManual()
    const low = engine.run(tagged(1), { priority: 'low' })
    const high = engine.run(tagged(2), { priority: 'high' })
    take(driver, 1).giveBack()
    expect(driver.tags()).toEqual([2])
    driver.answerAll()
    expect(await Promise.all([low, high])).toHaveLength(2)
  })

  it('may be answered from within doRun by being given back', async () => {
    const { engine, driver } = await openManual({ cores: cores(2) })
    driver.onRun = (run) => {
      if (run.lane !== 0) return
      driver.tell?.({ kind: 'lost', error, lane: 0 })
      take(driver, tagOf(run)).giveBack()
    }
    const [run] = submit(engine, 1)
    expect(driver.tags(1)).toEqual([1])
    driver.answer()
    await run
    expect(engine.stats()).toMatchObject({ succeeded: 1, strayAnswers: 0 })
  })

  it('goes nowhere when it was cancelled meanwhile, and its memory is used again', async () => {
    const { engine, driver } = await openManual({ outputs: [] })
    const signal = new AbortController()
    const run = engine.run(plain(1), { signal: signal.signal })
    signal.abort()
    expect(await failure(run)).toMatchObject({ code: 'HAL_ABORTED' })
    const given = take(driver, 1)
    given.giveBack()
    await flush()
    expect(driver.tags()).toEqual([])
    expect(engine.load).toBe(0)
    const next = engine.run(plain(2))
    expect(bufferOf(driver.held[0]?.inputs[0])).toBe(bufferOf(given.inputs[0]))
    driver.held[0]?.fail(error)
    await failure(next)
  })

  it('is cancelled while it waits again', async () => {
    const { engine, driver } = await openManual()
    const signal = new AbortController()
    const run = engine.run(tagged(1), { signal: signal.signal })
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    take(driver, 1).giveBack()
    signal.abort()
    expect(await failure(run)).toMatchObject({ code: 'HAL_ABORTED' })
    driver.tell?.({ kind: 'recovered', lane: 0 })
    expect(driver.tags()).toEqual([])
  })

  it('twice, or after its answer, is a stray answer', async () => {
    const { engine, driver } = await openManual()
    const strays: string[] = []
    engine.on('error', ({ code }) => strays.push(code))
    const run = engine.run(tagged(1))
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    const given = take(driver, 1)
    given.giveBack()
    given.giveBack()
    driver.tell?.({ kind: 'recovered', lane: 0 })
    driver.answer()
    given.giveBack()
    await run
    expect(tagsGiven(driver)).toEqual([1, 1])
    expect(strays).toEqual(['HAL_DATA_LOSS', 'HAL_DATA_LOSS'])
    expect(engine.stats()).toMatchObject({ accepted: 1, succeeded: 1, strayAnswers: 2, load: 0 })
  })
})

describe('a run that is lost', () => {
  it.each(['fail', 'lose'] as const)('by %s fails', async (how) => {
    const { engine, driver } = await openManual()
    const [first, second] = submit(engine, 1, 2)
    take(driver, 1)[how](error)
    expect(await failure(first as Promise<unknown>)).toMatchObject({ ...LOST, job: expect.any(Number) })
    driver.answer()
    await second
  })

  // The driver may still read the inputs and write the outputs after `lose`, not after `fail`.
  it.each([
    ['fail', true],
    ['lose', false],
  ] as const)('by %s: its memory is used again: %s', async (how, again) => {
    const { engine, driver } = await openManual()
    engine.registerCallback(() => {})
    engine.on('error', () => {})
    engine.tryRunAsync(plain(1))
    const first = take(driver, 1)
    first[how](error)
    await flush()
    for (const tag of [2, 3, 4]) {
      engine.tryRunAsync(plain(tag))
      const next = driver.held[0]
      expect(bufferOf(next?.inputs[0]) === bufferOf(first.inputs[0])).toBe(again)
      expect(bufferOf(next?.outputs[0]) === bufferOf(first.outputs[0])).toBe(again)
      driver.answer()
      await flush()
    }
  })

  it('after it was cancelled: its memory is not used again, either', async () => {
    const { engine, driver } = await openManual()
    const signal = new AbortController()
    const run = engine.run(plain(1), { signal: signal.signal })
    signal.abort()
    await failure(run)
    const first = take(driver, 1)
    first.lose(error)
    const next = engine.run(plain(2))
    expect(bufferOf(driver.held[0]?.inputs[0])).not.toBe(bufferOf(first.inputs[0]))
    expect(bufferOf(driver.held[0]?.outputs[0])).not.toBe(bufferOf(first.outputs[0]))
    driver.answer()
    await next
    expect(engine.stats()).toMatchObject({ cancelled: 1, succeeded: 1, load: 0 })
  })
})

describe('whenLost: fail', () => {
  const options = { whenLost: 'fail' } as const

  it('fails what waits and what comes while no lane is left, and serves again afterwards', async () => {
    const { engine, driver } = await openManual({ cores: cores(2) }, options)
    const events = told(engine)
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    const runs = submit(engine, 1, 2)
    expect(driver.tags(1)).toEqual([1])
    driver.tell?.({ kind: 'lost', error, lane: 1 })
    expect(
      (await Promise.allSettled(runs)).map((end) => end.status === 'rejected' && end.reason.code),
    ).toEqual(['HAL_DEVICE_LOST', 'HAL_DEVICE_LOST'])
    take(driver, 1).fail(error)
    expect(await failure(engine.run(tagged(3)))).toMatchObject(LOST)
    driver.tell?.({ kind: 'recovered', lane: 1 })
    const [run] = submit(engine, 4)
    driver.answer()
    await run
    expect(events).toHaveLength(3)
    expect(engine.stats()).toMatchObject({ accepted: 3, succeeded: 1, failed: 2, load: 0 })
  })

  it('fails nothing while another lane serves', async () => {
    const { engine, driver } = await openManual({ cores: cores(2) }, options)
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    const runs = submit(engine, 1, 2)
    driver.answer()
    driver.answer()
    expect(await Promise.all(runs)).toHaveLength(2)
  })
})

describe('a run that may be repeated', () => {
  it.each([
    ['because it says so', {}, { repeatable: true }],
    ['because its engine says so', { repeatable: true }, {}],
  ])('is executed once more when its worker is lost, %s', async (_, engineOptions, runOptions) => {
    const { engine, driver } = await openManual({ cores: cores(2) }, engineOptions)
    const run = engine.run(tagged(1), runOptions)
    driver.tell?.({ kind: 'lost', error, lane: 0 })
    take(driver, 1).fail(error)
    expect(driver.tags(1)).toEqual([1])
    driver.answer()
    await run
    expect(engine.stats()).toMatchObject({ accepted: 1, succeeded: 1, failed: 0, repeated: 1, load: 0 })
  })

  it.each([
    ['a second time', { repeatable: true }, {}, error],
    ['after another failure', { repeatable: true }, {}, new HalError('HAL_INTERNAL', 'no luck')],
    ['where the run says that it may not', { repeatable: true }, { repeatable: false }, error],
  ])('is not repeated %s', async (how, engineOptions, runOptions, cause) => {
    const { engine, driver } = await openManual({}, engineOptions)
    const run = failure(engine.run(tagged(1), runOptions))
    if (how === 'a second time') take(driver, 1).fail(error)
    take(driver, 1).fail(cause)
    expect(await run).toMatchObject({ code: cause.code })
    expect(driver.held).toEqual([])
  })

  it('is not repeated where something may still write to its tensors', async () => {
    const { engine, driver } = await openManual({}, { repeatable: true })
    const run = failure(engine.run(tagged(1)))
    take(driver, 1).lose(error)
    expect(await run).toMatchObject(LOST)
    expect(driver.held).toEqual([])
  })
})

/** Not where the driver can reach it, so that the engine copies it into memory of its own. */
function plain(tag: number) {
  const { data, ...rest } = tensor('float32', [4], [tag, tag, tag, tag])
  return { x: { ...rest, data: Float32Array.from(data as Float32Array) } }
}
