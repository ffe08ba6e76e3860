import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NpuConfig } from '@xpu-hal/backend-npu'
import { type Engine, HalError, type Outputs, tensor } from '@xpu-hal/core'
import { describe, expect, test, vi } from 'vitest'
import { reference } from './reference.js'
import { engineOn, file, folder } from './support.js'

const built = reference()
const natives = dirname(built ?? '')
const LIBRARIES = { current: 'libFaultyRuntime.so', older: 'libFaultyRuntimeOld.so' }

// All of them work at the same time.
vi.setConfig({ testTimeout: 240_000 })

const RUNS = 1_000
const RUNS_AFTERWARDS = 50
/** What a noisy machine does not reach. */
const LONG = 10_000

interface Cell {
  readonly fault: string
  readonly form?: keyof typeof LIBRARIES
  readonly every?: number
  readonly config?: Partial<NpuConfig>
  /** Of the runs that are allowed to fail. */
  readonly code?: string
  /** How many of them fail, where that is no matter of timing. */
  readonly failures?: number
  readonly service_ms?: string
}

const LOST = 'HAL_DEVICE_LOST'
const malformed = ['null_name', 'null_data', 'absurd_rank', 'absurd_size', 'unknown_type']
const blocks = { receiving: 'blocks' } as const

/** Each strikes at the 3rd run, the 6th and so on. */
const each3rd = { every: 3, failures: Math.floor(RUNS / 3) }
const orderly: readonly Cell[] = [
  { fault: 'none' },
  // A run that is asked for too early costs 100 ms, so the inference takes long enough to hit the right time.
  { fault: 'sleep', service_ms: '1' },
  { fault: 'refuse', code: 'HAL_INTERNAL', ...each3rd },
  ...malformed.map((fault) => ({ fault, code: 'HAL_DATA_LOSS', ...each3rd })),
]

// A hang leaves a thread behind, and an engine at most 16 of them.
const cells: readonly Cell[] = [
  ...orderly,
  ...orderly.map((cell) => ({ ...cell, config: { quirks: { inFlight: 4 } } })),
  ...orderly.filter(({ fault }) => fault !== 'sleep').map((cell) => ({ ...cell, form: 'older' as const })),
  { fault: 'block' },
  { fault: 'block', config: { quirks: blocks } },
  { fault: 'reorder' },
  { fault: 'free_refused', config: { quirks: { freesRefused: true } }, code: 'HAL_INTERNAL', ...each3rd },
  { fault: 'drop', every: 50, config: { answerTimeout: 20 }, code: LOST },
  { fault: 'drop', form: 'older', code: 'HAL_INTERNAL', ...each3rd },
  { fault: 'drop,block', every: 50, config: { answerTimeout: 20, quirks: blocks }, code: LOST },
  { fault: 'hang_send', every: 250, config: { answerTimeout: 20 }, code: LOST },
  { fault: 'hang_receive', every: 250, config: { answerTimeout: 20 }, code: LOST },
  { fault: 'hang_execute', every: 250, config: { answerTimeout: 20, closeTimeout: 500 }, code: LOST },
  { fault: 'hang_send', form: 'older', every: 250, config: { answerTimeout: 20 }, code: LOST },
  { fault: 'hang_execute', form: 'older', every: 250, config: { answerTimeout: 20 }, code: LOST },
]

/** Wrong answers, errors by their code, and what neither succeeded nor failed. */
interface Tally {
  readonly right: number
  readonly wrong: number
  readonly failed: Readonly<Record<string, number>>
}

const answerIs = (outputs: Outputs, i: number) => {
  const { x_out } = outputs
  return x_out?.shape.join() === '1,2' && x_out.data[0] === 2 * i && x_out.data[1] === -2 * i
}

/** Runs `count` inferences, `width` of them at a time, each with numbers of its own. */
async function work(engine: Engine, count: number, width: number): Promise<Tally> {
  const answers = new Map<number, Outputs>()
  const failed: Record<string, number> = {}
  let next = 1
  let wrong = 0
  const submit = async () => {
    for (let i = next++; i <= count; i = next++) {
      try {
        const outputs = await engine.run({ x: tensor('float32', [1, 2], [i, -i]) })
        if (!answerIs(outputs, i)) wrong++
        answers.set(i, outputs)
      } catch (error) {
        const code = HalError.isInstance(error) ? error.code : String(error)
        failed[code] = (failed[code] ?? 0) + 1
      }
    }
  }
  await Promise.all(Array.from({ length: width }, submit))
  // An answer that comes late must not get into outputs that were given away.
  for (const [i, outputs] of answers) if (!answerIs(outputs, i)) wrong++
  return { right: answers.size, wrong, failed }
}

const titled = cells.flatMap((cell) =>
  [1, 8].map((width) => {
    const { fault, form = 'current', config: { quirks } = {}, service_ms } = cell
    const more = [quirks && JSON.stringify(quirks), service_ms && `${service_ms} ms`]
      .filter(Boolean)
      .join(' ')
    return [`${fault} ${more}`, form, width, cell] as const
  }),
)

describe.skipIf(built === undefined).concurrent('no wrong answer, and none missing', () => {
  test.each(titled)('%s, the %s form, %i at a time', async (name, form, width, cell) => {
    const { fault, every = 1, config, code, failures, service_ms = '0' } = cell
    const on = `${name} ${form} ${width}`.replaceAll(/\W+/g, '-')
    const args = { fault, every: `${every}`, service_ms, output: 'x_out', switch: join(folder, on) }
    const library = join(natives, LIBRARIES[form])
    file(on, '')
    await using opened = await engineOn({ library, args, answerTimeout: LONG, ...config })
    const { engine } = opened
    const { right, wrong, failed } = await work(engine, RUNS, width)
    const stats = engine.stats()
    expect(wrong).toBe(0)
    const failedRuns = failed[code ?? ''] ?? 0
    expect(failed).toEqual(failedRuns === 0 ? {} : { [code ?? '']: failedRuns })
    expect(right + failedRuns).toBe(RUNS)
    if (failures !== undefined) expect(failedRuns).toBe(failures)
    else if (code !== undefined) expect(failedRuns).toBeGreaterThan(0)
    expect(stats).toMatchObject({ accepted: RUNS, succeeded: right, load: 0, strayAnswers: 0 })
    rmSync(join(folder, on))
    expect(await work(engine, RUNS_AFTERWARDS, 1)).toMatchObject({
      right: RUNS_AFTERWARDS,
      wrong: 0,
      failed: {},
    })
  })
})

// One instance follows the other, so every run has the same chance to be the last of its own.
test.skipIf(built === undefined).concurrent.each([1, 8])(
  'answers that come as the runtime is destroyed for want of them, %i at a time',
  async (width) => {
    const args = { fault: 'block', service_ms: '102', output: 'x_out' }
    const library = join(natives, LIBRARIES.current)
    await using opened = await engineOn({ library, args, answerTimeout: 1, quirks: blocks })
    const { right, wrong, failed } = await work(opened.engine, 40, width)
    const { [LOST]: lost = 0, ...others } = failed
    expect({ wrong, others }).toEqual({ wrong: 0, others: {} })
    expect(right + lost).toBe(40)
  },
)

const child = fileURLToPath(new URL('./fixtures/faulty.mjs', import.meta.url))

describe.skipIf(built === undefined).concurrent('a fault that ends the process ends it as it says', () => {
  test.each(
    ['abort', 'crash', 'exit'].flatMap((fault) =>
      (['current', 'older'] as const).flatMap((form) => [1, 8].map((width) => [fault, form, width] as const)),
    ),
  )('%s, the %s form, %i at a time', async (fault, form, width) => {
    const config = {
      library: join(natives, LIBRARIES[form]),
      args: { fault, every: '500', output: 'x_out' },
    }
    const end = await new Promise((resolve) => {
      const args = [child, 'runs', JSON.stringify({ config, runs: RUNS, width })]
      // A process that crashes leaves its temporary files behind.
      const env = { ...process.env, TMPDIR: folder }
      const options = { timeout: 30_000, killSignal: 'SIGKILL', env } as const
      execFile(process.execPath, args, options, (error, stdout) => {
        resolve({ code: error?.code, signal: error?.signal, stdout })
      })
    })
    const expected = {
      abort: { code: null, signal: 'SIGABRT' },
      crash: { code: null, signal: 'SIGSEGV' },
      exit: { code: 3, signal: null },
    }
    // The child tells of wrong answers and errors.
    expect(end).toEqual({ ...expected[fault as keyof typeof expected], stdout: '' })
  })
})
