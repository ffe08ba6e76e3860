import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type EngineOptions, HalError, tensor } from '@xpu-hal/core'
import { describe, expect, test } from 'vitest'
import { reference } from './reference.js'
import { engineOn, file, folder } from './support.js'

const built = reference()
const LIBRARIES = { current: 'libFaultyRuntime.so', older: 'libFaultyRuntimeOld.so' }
const LOST = 'HAL_DEVICE_LOST'

interface Fault {
  readonly fault: string
  readonly form?: keyof typeof LIBRARIES
  readonly every?: number
  readonly answerTimeout?: number
}

/** A runtime that ends its process, or stops, at some of its runs, and is well when `heal` was called. */
async function faulty(
  { fault, form = 'current', every = 1, answerTimeout = 100 }: Fault,
  options: EngineOptions = {},
) {
  const lever = join(folder, `${fault}-${form}-${every}-${Math.random()}`)
  file(lever.slice(folder.length + 1), '')
  const library = join(dirname(built ?? ''), LIBRARIES[form])
  const args = { fault, every: `${every}`, output: 'x_out', switch: lever }
  const opened = await engineOn({ library, args, answerTimeout }, { isolation: 'process', ...options })
  const { engine } = opened
  const events: string[] = []
  engine.on('lost', () => events.push('lost'))
  engine.on('recovered', () => events.push('recovered'))
  const run = (i: number, more = {}) => engine.run({ x: tensor('float32', [1, 2], [i, -i]) }, more)
  return {
    ...opened,
    engine,
    events,
    heal: () => rmSync(lever, { force: true }),
    run,
    /** The number that came back, or the error. */
    end: (i: number, more = {}) =>
      run(i, more).then(
        ({ x_out }) => x_out?.data[0],
        (error: HalError) => error,
      ),
    [Symbol.asyncDispose]: () => opened.hal.close(),
  }
}

const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim()
const leftBehind = () => readdirSync('/dev/shm').filter((name) => name.includes('xpu-hal'))

describe.skipIf(built === undefined || process.platform !== 'linux')('in a process of its own', () => {
  test.each([
    ['abort', 'current', 'SIGABRT'],
    ['crash', 'current', 'SIGSEGV'],
    ['exit', 'current', 3],
    ['abort', 'older', 'SIGABRT'],
    ['crash', 'older', 'SIGSEGV'],
    ['exit', 'older', 3],
  ] as const)(
    'a runtime whose fault is %s, the %s form, costs the runs that it has in its hands',
    async (fault, form, status) => {
      await using on = await faulty({ fault, form })
      const error = await on.end(1)
      expect(error).toMatchObject({ code: LOST, native: { status } })
      on.heal()
      expect(await on.end(2)).toBe(4)
      expect(on.events).toEqual(['lost', 'recovered'])
      await on.hal.close()
      expect(children()).toBe('')
      expect(leftBehind()).toEqual([])
    },
  )

  test.each(['hang_send', 'hang_receive', 'hang_execute'])(
    'a runtime that stops in %s is killed',
    async (fault) => {
      await using on = await faulty({ fault })
      expect(await on.end(1)).toMatchObject({ code: LOST })
      on.heal()
      expect(await on.end(2)).toBe(4)
      await on.hal.close()
      expect(children()).toBe('')
    },
  )

  test('under load, every run ends once and no answer is wrong', async () => {
    await using on = await faulty({ fault: 'abort', every: 40 })
    const ends = await Promise.all(Array.from({ length: 200 }, (_, i) => on.end(i + 1)))
    const right = ends.filter((end, i) => end === 2 * (i + 1)).length
    const lost = ends.filter((end) => HalError.isInstance(end) && end.code === LOST).length
    expect(right + lost).toBe(200)
    expect(lost).toBeGreaterThan(0)
    expect(on.engine.stats()).toMatchObject({ accepted: 200, succeeded: right, failed: lost, load: 0 })
  })

  test('a run that may be repeated does not notice', async () => {
    await using on = await faulty({ fault: 'abort', every: 5 }, { repeatable: true })
    for (let i = 1; i <= 12; i++) expect(await on.end(i)).toBe(2 * i)
    expect(on.engine.stats()).toMatchObject({ succeeded: 12, failed: 0 })
    expect(on.engine.stats().repeated).toBeGreaterThan(0)
  })

  test('runs that come while the worker is lost fail at once where that is wanted', async () => {
    await using on = await faulty({ fault: 'abort' }, { whenLost: 'fail' })
    let during: unknown
    on.engine.on('lost', () => {
      during = on.end(2)
    })
    expect(await on.end(1)).toMatchObject({ code: LOST })
    on.heal()
    expect(await during).toMatchObject({ code: LOST })
    while (on.events.at(-1) !== 'recovered') await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await on.end(3)).toBe(6)
  })

  test('it closes while a run never comes back, and with it goes its process', async () => {
    await using on = await faulty({ fault: 'hang_send', answerTimeout: 600_000 }, { timeout: 20 })
    expect(await on.end(1)).toMatchObject({ code: 'HAL_DEADLINE_EXCEEDED' })
    await on.engine.close()
    expect(children()).toBe('')
  })

  test('it closes while its worker is lost', async () => {
    await using on = await faulty({ fault: 'abort' })
    const run = on.end(1)
    const lost = new Promise<void>((resolve) => on.engine.on('lost', () => resolve()))
    await lost
    await on.engine.close()
    expect(await run).toMatchObject({ code: LOST })
    expect(children()).toBe('')
  })
})
