import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NpuConfig } from '@xpu-hal/backend-npu'
import { describe, expect, test } from 'vitest'
import { reference } from './reference.js'
import { folder } from './support.js'

const built = reference()
const natives = dirname(built ?? '')
const current = join(natives, 'libFaultyRuntime.so')
const older = join(natives, 'libFaultyRuntimeOld.so')

const child = fileURLToPath(new URL('./fixtures/faulty.mjs', import.meta.url))
const KILLED_AFTER = 30_000

type Step = 'open' | 'run' | 'runInTime' | 'close' | 'closeInTime' | 'closeHal' | 'exit'

/** What became of each step, how the process ended, and what it left in the folder for temporary files. */
interface Life {
  readonly told: unknown[]
  readonly status: unknown
  readonly left: string[]
}

/** Milliseconds: far more than two dozen processes need that start at once. */
const START_TIMEOUT = 3_000

/** An engine in a process of its own, on a runtime whose every second send, receive or execution hangs. */
function live(fault: string, steps: readonly Step[], config: Partial<NpuConfig> = {}): Promise<Life> {
  const args = { fault, every: '2', output: 'x_out' }
  const times = { startTimeout: START_TIMEOUT, answerTimeout: 100, closeTimeout: 300 }
  const json = JSON.stringify({ config: { library: current, args, ...times, ...config }, steps })
  const TMPDIR = mkdtempSync(join(folder, 'temporary-'))
  const options = { timeout: KILLED_AFTER, killSignal: 'SIGKILL', env: { ...process.env, TMPDIR } } as const
  return new Promise((resolve) => {
    execFile(process.execPath, [child, 'steps', json], options, (error, stdout) => {
      const lines = stdout.split('\n').filter((line) => line !== '')
      const told = lines.map((line) => JSON.parse(line) as unknown)
      resolve({ told, status: error === null ? 0 : (error.code ?? error.signal), left: readdirSync(TMPDIR) })
    })
  })
}

const fails = (code: string, ...words: string[]) =>
  expect.stringMatching(new RegExp([`^HalError ${code}: `, ...words].join('.*')))
const late = fails('HAL_DEADLINE_EXCEEDED', '50 ms')
const right = [2, 4]
const ended = (status: number) => [
  ['first listener', status],
  ['second listener', status],
]

describe.skipIf(built === undefined).concurrent('a runtime that hangs', () => {
  test.each([
    ['hang_init', 'closeHal', 0],
    ['hang_init', 'exit', 3],
    ['hang_load', 'closeHal', 0],
    ['hang_load', 'exit', 3],
  ] as const)(
    'at the start (%s): opening fails in time; then %s ends the process',
    async (fault, end, status) => {
      const { told, ...rest } = await live(fault, ['open', end])
      const stuck = fails('HAL_DEVICE_LOST', 'NPU_0', 'starting the runtime', `${START_TIMEOUT} ms`)
      expect(told).toEqual([
        ['open', stuck],
        ...(end === 'exit' ? [] : [[end, 'done']]),
        ['first listener', status],
      ])
      expect(rest).toEqual({ status, left: [] })
    },
  )

  const running = [
    ['hang_send', 'current', 'a run'],
    ['hang_receive', 'current', 'a run'],
    // The runtime's own thread hangs, and its destruction waits for that.
    ['hang_execute', 'current', 'no answer'],
    ['hang_send', 'older', 'a run'],
    ['hang_execute', 'older', 'a run'],
  ] as const
  const libraries = { current, older }

  test.each(running)(
    'in a run (%s, %s form): the run fails, and the next is served',
    async (fault, form, what) => {
      const library = libraries[form]
      const { told, ...rest } = await live(fault, ['open', 'run', 'run', 'run', 'close', 'closeHal'], {
        library,
      })
      expect(told).toEqual([
        ['open', 'done'],
        ['run', right],
        ['run', fails('HAL_DEVICE_LOST', what)],
        ['run', right],
        ['close', 'done'],
        ['closeHal', 'done'],
        ...ended(0),
      ])
      expect(rest).toEqual({ status: 0, left: [] })
    },
  )

  test.each(running)('in a run (%s, %s form): timeouts of run and close hold', async (fault, form) => {
    const library = libraries[form]
    const { told, ...rest } = await live(fault, ['open', 'run', 'runInTime', 'closeInTime'], { library })
    expect(told).toEqual([
      ['open', 'done'],
      ['run', right],
      ['runInTime', late],
      ['closeInTime', late],
      ...ended(0),
    ])
    expect(rest).toEqual({ status: 0, left: [] })
  })

  test.each(running)('in a run (%s, %s form): process.exit ends the process', async (fault, form) => {
    const library = libraries[form]
    const { told, ...rest } = await live(fault, ['open', 'run', 'runInTime', 'exit'], { library })
    expect(told).toEqual([['open', 'done'], ['run', right], ['runInTime', late], ...ended(3)])
    expect(rest).toMatchObject({ status: 3 })
  })

  test.each([
    ['close', fails('HAL_DEVICE_LOST', 'NPU_0', 'ending the runtime', '300 ms')],
    ['closeInTime', late],
  ] as const)('at its destruction: %s tells, and the process ends', async (close, told) => {
    const life = await live('hang_destroy', ['open', 'run', close, 'closeHal'])
    expect(life).toEqual({
      told: [['open', 'done'], ['run', right], [close, told], ['closeHal', 'done'], ...ended(0)],
      status: 0,
      left: [],
    })
  })

  test.each(['close', 'closeInTime'] as const)('at its destruction: process.exit after %s', async (close) => {
    const { told, status } = await live('hang_destroy', ['open', 'run', close, 'exit'])
    expect(told).toEqual([
      ['open', 'done'],
      ['run', right],
      [close, expect.stringContaining('HalError')],
      ...ended(3),
    ])
    expect(status).toBe(3)
  })

  test('at its destruction: the HAL closes all the same, and tells', async () => {
    const { told, ...rest } = await live('hang_destroy', ['open', 'run', 'closeHal'])
    const stuck = fails('HAL_DEVICE_LOST', 'NPU_0', 'ending the runtime', '300 ms')
    expect(told).toEqual([['open', 'done'], ['run', right], ['closeHal', stuck], ...ended(0)])
    expect(rest).toEqual({ status: 0, left: [] })
  })
})
