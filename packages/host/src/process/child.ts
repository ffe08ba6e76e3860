import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger, LogLevel } from '@xpu-hal/core/backend'
import { Channel } from './channel.js'
import { inheritableDescriptors } from './descriptors.js'
import { logLines } from './log-lines.js'
import { socketPair } from './native/descriptor.js'

/** What a runtime may need to find its files, and to write texts and times. Not NODE_OPTIONS, nor secrets of the application. */
const ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH']
/** Milliseconds to read what a process has sent before it ended. */
const LAST_WORDS_MS = 100

/** Of those that a worker process is meant to have. */
const LAST_FD = 4

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: string | null
  /** Why it could not be started. */
  readonly error?: Error
}

const alive = new Set<ChildProcess>()

function killAll(): void {
  for (const child of alive) killGroup(child)
}

/** What it has started itself too. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** A process that executes a module of this package, with the arena and a channel as descriptors 3 and 4. */
export class Child {
  readonly channel: Channel
  /** Resolves when it has ended, was reaped, and all that it sent and printed was read. */
  readonly exited: Promise<ProcessEnd>
  readonly #child: ChildProcess

  /** @param env names of further variables of the environment that it gets */
  constructor(entry: URL, arenaFd: number, env: readonly string[], logger: Logger) {
    const foreign = inheritableDescriptors(LAST_FD).join()
    const [ours, theirs] = socketPair()
    this.channel = new Channel(ours)
    try {
      this.#child = spawn(process.execPath, [fileURLToPath(entry), String(process.pid), foreign], {
        stdio: ['ignore', 'pipe', 'pipe', arenaFd, theirs],
        env: environment(env),
        // Ctrl-C in a terminal is for the application, which then closes its engines.
        detached: true,
      })
    } catch (error) {
      this.channel.close()
      throw error
    } finally {
      closeSync(theirs)
    }
    this.exited = this.#end()
    const { stdout, stderr } = this.#child
    tell(stdout as Socket | null, 'debug', this.pid, logger)
    tell(stderr as Socket | null, 'warn', this.pid, logger)
    this.unref()
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** At once, with what it has started itself. */
  kill(): void {
    killGroup(this.#child)
  }

  ref(): void {
    this.#child.ref()
    this.channel.ref()
  }

  unref(): void {
    this.#child.unref()
    this.channel.unref()
  }

  async #end(): Promise<ProcessEnd> {
    const child = this.#child
    if (alive.size === 0) process.on('exit', killAll)
    alive.add(child)
    const end = await new Promise<ProcessEnd>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
      child.once('error', (error) => resolve({ code: null, signal: null, error }))
    })
    killGroup(child)
    alive.delete(child)
    if (alive.size === 0) process.off('exit', killAll)
    const streams = [child.stdout, child.stderr].filter((stream) => stream instanceof Readable)
    const read = [this.channel.closed, ...streams.map((stream) => finished(stream).catch(() => {}))]
    await Promise.race([Promise.all(read), delay(LAST_WORDS_MS, undefined, { ref: false })])
    // What it has started may live on and hold the other ends.
    this.channel.close()
    for (const stream of streams) stream.destroy()
    return end
  }
}

function environment(names: readonly string[]): NodeJS.ProcessEnv {
  const wanted = ([name]: [string, unknown]) =>
    ENVIRONMENT.includes(name) || name.startsWith('LC_') || (names.includes(name) && name !== 'NODE_OPTIONS')
  return Object.fromEntries(Object.entries(process.env).filter(wanted))
}

/** What it prints, a line at a time. */
function tell(stream: Socket | null, level: LogLevel, pid: number | undefined, logger: Logger): void {
  // Neither is there where the process could not be started.
  if (stream === null || stream === undefined) return
  stream.unref()
  logLines(stream, (line) => logger(level, `worker process ${pid}: ${line}`))
}
