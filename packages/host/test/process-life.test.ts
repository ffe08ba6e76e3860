import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type EngineDriver, type Logger, type LogLevel, silent } from '@xpu-hal/core/backend'
import { expect, onTestFinished, vi } from 'vitest'
import { host } from '../dist/index.js'
import { libcFunction } from '../src/process/native/calls.js'
import { socketPair } from '../src/process/native/descriptor.js'
import { testOnLinux } from './process.js'

interface Act {
  readonly act: string
  readonly [more: string]: unknown
}

interface Said {
  readonly driver: EngineDriver
  readonly pid: number
  readonly said: unknown
}

async function open(config: Act, logger: Logger = silent): Promise<Said> {
  const driver = await host({
    module: new URL('./fixtures/process-runner.mjs', import.meta.url),
    model: { kind: 'bytes', name: 'none', bytes: new Uint8Array(1) },
    config,
    workers: [{ core: 'NPU_0' }],
    isolation: 'process',
    logger,
  })
  onTestFinished(() => driver.doClose().catch(() => {}))
  return { driver, ...JSON.parse(driver.outputs[0]?.name ?? '') }
}

/** State letter of a process, Z for a zombie; `undefined` where there is none. */
function stateOf(pid: number): string | undefined {
  try {
    return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  } catch {
    return undefined
  }
}

/** Resolves when a process is gone: reaped by this process, or by whatever adopted it. */
async function ended(pid: number): Promise<void> {
  for (let state = stateOf(pid); state !== undefined && state !== 'Z'; state = stateOf(pid)) await delay(5)
}

/** An application that opens a worker process, and the first thing it says. */
async function application(act: string, then: string): Promise<{ parent: ChildProcess; line: string }> {
  const script = fileURLToPath(new URL('./fixtures/process-parent.mjs', import.meta.url))
  const parent = spawn(process.execPath, [script, act, then], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => {
    parent.kill('SIGKILL')
  })
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
  return { parent, line }
}

testOnLinux.each([
  [{ act: 'exit', code: 7 }, 7],
  [{ act: 'abort' }, 'SIGABRT'],
  [{ act: 'kill', signal: 'SIGSEGV' }, 'SIGSEGV'],
])('a worker process that ends by itself, %j, is told with how it ended', async (config, status) => {
  await expect(open(config)).rejects.toMatchObject({ code: 'HAL_DEVICE_LOST', native: { status } })
})

testOnLinux('close leaves neither the process, nor a zombie, nor what it has started', async () => {
  const { driver, said } = await open({ act: 'spawn' })
  const [pid, sleeper] = said as [number, number]
  expect(['R', 'S', 'D']).toContain(stateOf(sleeper))
  await driver.doClose()
  expect(stateOf(pid)).toBeUndefined()
  await ended(sleeper)
})

testOnLinux.each(['stay', 'exit', 'throw', 'idle'])(
  'an application that ends, %s, leaves no worker process',
  async (then) => {
    const { parent, line } = await application('nothing', then)
    const { pid } = JSON.parse(line)
    if (then === 'stay') parent.kill('SIGKILL')
    const [code] = await once(parent, 'exit')
    expect(code).toBe({ stay: null, exit: 3, throw: 1, idle: 0 }[then])
    await ended(pid)
  },
)

testOnLinux(
  'an application that is killed takes a worker process along that is stuck in a call',
  async () => {
    const { parent, line } = await application('hang', 'stay')
    const pid = Number(/hangs (\d+)/.exec(line)?.[1])
    expect(stateOf(pid)).toBeDefined()
    parent.kill('SIGKILL')
    await ended(pid)
  },
)

testOnLinux(
  'a worker process that prints while nobody reads does not wait; what does not fit is lost',
  async () => {
    const place = await mkdtemp(join(tmpdir(), 'xpu-hal-'))
    onTestFinished(() => rm(place, { recursive: true }))
    const done = join(place, 'done')
    const bed = new Int32Array(new SharedArrayBuffer(4))
    // At the first line the event loop stands still until the process has printed all, or waits for ever.
    const logger = () => {
      for (let i = 0; i < 1000 && !existsSync(done); i++) Atomics.wait(bed, 0, 0, 5)
      expect(existsSync(done)).toBe(true)
    }
    expect((await open({ act: 'chat', done }, logger)).said).toBeGreaterThan(0)
  },
)

testOnLinux('what it prints reaches the logger line by line, long lines in pieces', async () => {
  const lines: [LogLevel, string][] = []
  const logger: Logger = (level, message) => lines.push([level, message.replace(/^worker process \d+: /, '')])
  const long = 'y'.repeat(20_000)
  await open({ act: 'print', fd: 1, text: `one é\n\ntwo\r\n${long}\n` }, logger)
  await open({ act: 'print', fd: 2, text: 'without an end' }, logger).then(({ driver }) => driver.doClose())
  await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(6))
  expect(lines.slice(0, 2)).toEqual([
    ['debug', 'one é'],
    ['debug', 'two'],
  ])
  const pieces = lines.filter(([level], i) => level === 'debug' && i >= 2).map(([, line]) => line)
  expect(pieces.join('')).toBe(long)
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(10_000)
  expect(lines.at(-1)).toEqual(['warn', 'without an end'])
})

testOnLinux('its environment is clean', async () => {
  vi.stubEnv('XPU_HAL_SECRET', '1')
  vi.stubEnv('NODE_OPTIONS', '--no-warnings')
  vi.stubEnv('LC_TIME', 'C')
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const names = (await open({ act: 'env' })).said as string[]
  expect(names).toContain('PATH')
  expect(names).toContain('LC_TIME')
  expect(names.filter((name) => /^(XPU|NODE|npm|VITEST)/.test(name))).toEqual([])
})

testOnLinux('it has no descriptor of the application', async () => {
  // As a library does that opens without close-on-exec.
  const dup = libcFunction<number>('dup', 'int', ['int'])
  const pair = socketPair()
  const inherited = pair.map((fd) => dup(fd))
  onTestFinished(() => {
    for (const fd of [...pair, ...inherited]) closeSync(fd)
  })
  const foreign = inherited.map((fd) => readlinkSync(`/proc/self/fd/${fd}`))
  const { said } = await open({ act: 'descriptors' })
  const descriptors = new Map(said as [number, string][])
  expect(descriptors.get(3)).toContain('memfd:xpu-hal')
  for (const target of foreign) expect([...descriptors.values()]).not.toContain(target)
  // Those above are Node's own.
  for (const [fd, target] of descriptors) if (fd > 4) expect(target).toMatch(/^(anon_inode|pipe|\/dev\/null)/)
})
