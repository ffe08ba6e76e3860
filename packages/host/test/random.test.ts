import { setTimeout as delay } from 'node:timers/promises'
import {
  createHal,
  type EngineOptions,
  type Inputs,
  type Outputs,
  type RunOptions,
  tensor,
} from '@xpu-hal/core'
import { type Backend, silent } from '@xpu-hal/core/backend'
import { beforeAll, describe, expect, test } from 'vitest'
import { type HostOptions, host } from '../dist/index.js'
import { type Random, randomFrom, settledFootprint } from './random.js'

const runnerModule = new URL('./fixtures/random-runner.mjs', import.meta.url)
const first = Number(process.env.XPU_HAL_SEED ?? Math.floor(Math.random() * 2 ** 30))
const lives = Number(process.env.XPU_HAL_LIVES ?? 6)
console.log(`random runs: XPU_HAL_SEED=${first} repeats them, XPU_HAL_LIVES=100 has more of them`)

/** What the runner can be told to do, by number. */
const ANSWERS = [0, 1, 2]
const FAILURES: Readonly<Record<number, string>> = {
  3: 'HAL_INVALID_ARGUMENT',
  4: 'HAL_INTERNAL',
  5: 'HAL_DATA_LOSS',
}
const LOST_AFTER_ANSWER = 7
const HANG = 8
const LOSSES = [6, LOST_AFTER_ANSWER, HANG]
const DEATHS = { thread: [9, 16], process: [9, 10, 11, 12, 13, 14, 15, 16], inline: [] }

/** What a request carries so that the runner can tell it from another one. */
const proof = (act: number, value: number, ms: number) => act * 3 + value * 5 + ms * 7
const rightAnswer = (value: number) => [value + 1, value, value - 1, proof(1, value, 1)].join()

async function openEngine(
  cores: number,
  hosting: Pick<HostOptions<unknown>, 'config' | 'isolation' | 'depth' | 'limits'>,
  options: EngineOptions,
) {
  const { isolation } = hosting
  const info = {
    ...{ id: 'fixture:0', name: 'Fixture', vendor: 'test', kind: 'npu' as const },
    cores: Array.from({ length: cores }, (_, i) => ({ id: `NPU_${i}`, slots: 1 })),
    capabilities: {
      ...{ dataTypes: ['float32', 'string'] as const, isolation: [isolation] },
      ...{ dynamicShapes: false, modelFromBytes: true, runSync: true, cancelRunning: true },
    },
  }
  const backend: Backend = {
    ...{ specVersion: 1, name: 'fixture', version: '1' },
    doDevices: async () => [
      {
        ...{ info, options: [] },
        doOpen: async (request) =>
          host({
            ...{ ...hosting, module: runnerModule, model: request.model, logger: silent },
            workers: request.cores.map((core) => ({ core })),
          }),
      },
    ],
  }
  const hal = createHal({ backends: [backend] })
  return { hal, engine: await hal.openEngine(new Uint8Array(1), { isolation, ...options }) }
}

/** One engine from its opening to its end, with random runs. What went wrong. */
async function life(random: Random, isolation: 'thread' | 'process'): Promise<string[]> {
  const { below, chance, pick } = random
  const problems: string[] = []
  const [strings, pipelined, wild] = [chance(0.3), chance(0.5), chance(0.7)]
  const acts = [...Array(5).fill(ANSWERS).flat(), ...Object.keys(FAILURES).map(Number)] as number[]
  if (wild) acts.push(...LOSSES, ...(chance(0.5) ? DEATHS[isolation] : []))
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const config = { strings, pipelined, refuses: chance(0.3) ? 1 + below(2) : 0 }
  const hosting = {
    config: isolation === 'thread' ? { ...config, gate } : config,
    ...{ isolation, depth: 1 + below(3), limits: wild ? { run: 250, open: 10_000, close: 10_000 } : {} },
  }
  const { hal, engine } = await openEngine(1 + below(3), hosting, {
    ordered: chance(0.3),
    maxLoad: 2 + below(20),
  })
  const settled = new Map<number, number>()
  engine.on('run', ({ job }) => settled.set(job, (settled.get(job) ?? 0) + 1))
  engine.on('error', ({ message }) => message.includes('once more') && problems.push(message))
  let closing = false

  const inputsOf = (act: number, value: number, ms: number): Inputs => {
    const numbers = [act, value, ms, proof(act, value, ms)]
    const x = pick([
      () => ({ dataType: 'float32' as const, shape: [4], data: Float32Array.from(numbers) }),
      () => tensor('float32', [4], numbers),
      () => {
        const own = engine.allocate('x')
        ;(own.data as Float32Array).set(numbers)
        return own
      },
    ])()
    return { x, ...(strings && { t: tensor('string', [1], [String(value)]) }) }
  }
  const check = (act: number, value: number, { y, u }: Outputs) => {
    const given = String(y?.data)
    if (given !== rightAnswer(value)) problems.push(`act ${act} of ${value} gave ${given}`)
    if (strings && u?.data[0] !== `${value}!`) problems.push(`act ${act} of ${value} gave ${u?.data[0]}`)
    if (act === 6 || act in FAILURES) problems.push(`act ${act} gave an answer`)
  }
  const checkError = (act: number, fair: readonly string[], error: unknown) => {
    const { code, message } = error as { code: string; message: string }
    const lost = wild ? ['HAL_DEVICE_LOST'] : []
    const closed = closing ? ['HAL_ABORTED', 'HAL_FAILED_PRECONDITION'] : []
    if (code === FAILURES[act] || [...fair, ...lost, ...closed].includes(code)) return
    problems.push(`act ${act} failed: ${code} ${message}`)
  }
  if (chance(0.3)) {
    // A callback may run more, also while it holds the event loop.
    engine.registerCallback((outputs, userArg) => {
      const { act, value } = userArg as { act: number; value: number }
      check(act, value, outputs)
      if (closing || value % 3 > 0) return
      try {
        check(0, 5, engine.runSync(inputsOf(0, 5, 0)))
      } catch (error) {
        checkError(0, [], error)
      }
    })
  }

  const one = async (value: number): Promise<void> => {
    const act = pick(acts)
    const inputs = inputsOf(act, value, chance(0.3) ? below(12) : 0)
    const fair: string[] = []
    const options: { -readonly [K in keyof RunOptions]: RunOptions[K] } = { userArg: { act, value } }
    if (chance(0.15)) {
      options.timeout = 1 + below(60)
      fair.push('HAL_DEADLINE_EXCEEDED')
    }
    if (chance(0.2)) {
      const controller = new AbortController()
      options.signal = controller.signal
      void delay(below(30)).then(() => controller.abort())
      fair.push('HAL_ABORTED')
    }
    if (chance(0.2)) options.priority = pick(['high', 'low'])
    // A thread that hangs writes to them when it comes back, whoever they belong to.
    if (chance(0.2) && act !== HANG) options.outputs = { y: engine.allocate('y') }
    try {
      if (chance(0.1) && act < HANG) check(act, value, engine.runSync(inputs))
      else if (chance(0.3)) {
        const job = await engine.runAsync(inputs, { act, value }, options)
        check(act, value, await engine.wait(job))
      } else check(act, value, await engine.run(inputs, options))
    } catch (error) {
      // A callback may have had it before.
      checkError(act, [...fair, 'HAL_NOT_FOUND'], error)
    }
  }
  const work: Promise<unknown>[] = []
  const row = async (start: number) => {
    for (let i = 0; i < (wild ? 40 : 100) && !closing; i += 10) {
      const group = Array.from({ length: 1 + below(5) }, (_, k) => one(start + i + k))
      if (chance(0.7)) await Promise.all(group)
      else work.push(Promise.all(group))
      // The event loop stands still.
      if (chance(0.05)) Atomics.wait(gate, 0, 0, below(300))
    }
  }
  const allDone = async () => {
    for (let i = 0; i < work.length; i++) await work[i]
  }

  for (let rows = below(4); rows >= 0; rows--) work.push(row(100 * rows))
  await (chance(0.2) ? delay(below(300)) : allDone())
  closing = true
  const timeout = chance(0.5) ? 1 + below(50) : 0
  try {
    await (chance(0.2) ? hal.close() : engine.close({ timeout }))
  } catch (error) {
    checkError(0, timeout > 0 ? ['HAL_DEADLINE_EXCEEDED'] : [], error)
  }
  await allDone()
  await hal.close().catch(() => {})
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
  const stats = engine.stats()
  const { accepted, succeeded, failed, cancelled, timedOut } = stats
  if (accepted !== succeeded + failed + cancelled + timedOut) problems.push(JSON.stringify(stats))
  for (const [job, times] of settled) if (times > 1) problems.push(`job ${job} settled ${times} times`)
  if (settled.size !== accepted) problems.push(`${accepted} accepted, ${settled.size} settled`)
  return problems
}

const isLinux = process.platform === 'linux'
if (!isLinux) console.log('skipped: what is left behind is counted in /proc, which only Linux has')

describe.skipIf(!isLinux).each(['thread', 'process'] as const)('random runs, %s', (isolation) => {
  let before: object
  beforeAll(async () => {
    await life(randomFrom(0), isolation)
    before = await settledFootprint(runnerModule)
  })

  const seeds = Array.from({ length: lives }, (_, i) => first + i)
  test.each(seeds)(
    'seed %i: every answer is right, every run settles once, nothing is left',
    async (seed) => {
      expect(await life(randomFrom(seed), isolation)).toEqual([])
      expect(await settledFootprint(runnerModule, before)).toEqual(before)
    },
  )
})
