import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import {
  createHal,
  type Device,
  type Engine,
  type EngineOptions,
  type Hal,
  type Isolation,
  type ModelSource,
  type OpenControl,
} from '@xpu-hal/core'
import type { Case, CaseContext } from './case.js'
import { model } from './models/index.js'
import type { ModelName } from './models/model.js'
import { modelBytes } from './models/onnx.js'
import { quiet } from './quiet.js'
import type { Subject } from './subject.js'

export type CaseResult =
  | { readonly status: 'passed' }
  | { readonly status: 'failed'; readonly error: Error }
  | { readonly status: 'skipped'; readonly reason: string }

export interface RunCaseOptions {
  /**
   * Milliseconds after which a case is given up as hanging; default 60000. Not a limit on speed: nothing but a run that
   * never settles should come near it.
   */
  readonly patience?: number
  /** Put something between the case and the HAL, or each engine: the suite's own tests break them with it. */
  readonly wrapHal?: (hal: Hal) => Hal
  readonly wrapEngine?: (engine: Engine) => Engine
}

/** How long what a failed case left open may take to close. */
const CLEANING_MS = 2000

/** Runs one case on one subject. Never rejects: what goes wrong is in the result. */
export async function runCase(
  test: Case,
  subject: Subject,
  options: RunCaseOptions = {},
): Promise<CaseResult> {
  const stage = new Stage(subject, options)
  const patience = options.patience ?? 60_000
  const over = new AbortController()
  try {
    return await Promise.race([perform(test, stage), hanging(patience, over.signal)])
  } catch (error) {
    return { status: 'failed', error: error instanceof Error ? error : new Error(String(error)) }
  } finally {
    over.abort()
    await stage.clean()
  }
}

async function hanging(patience: number, signal: AbortSignal): Promise<never> {
  await setTimeout(patience, undefined, { ref: false, signal })
  throw new Error(`hangs: nothing after ${patience} ms`)
}

async function perform(test: Case, stage: Stage): Promise<CaseResult> {
  const context = await stage.open()
  if (typeof context === 'string') return { status: 'skipped', reason: context }
  const { hal, device, isolation } = context
  const reason = missing(test, device) ?? test.requires?.(device, isolation, await hal.devices())
  if (reason !== undefined) return { status: 'skipped', reason }
  await test.run(context)
  await stage.close()
  return { status: 'passed' }
}

function missing(test: Case, { id, capabilities }: Device): string | undefined {
  for (const name of test.models) {
    const { inputs, outputs } = model(name)
    for (const { dataType, shape } of [...inputs, ...outputs]) {
      if (!capabilities.dataTypes.includes(dataType)) return `${id} does not take ${dataType}`
      if (shape.includes(-1) && !capabilities.dynamicShapes) return `${id} does not take dynamic shapes`
    }
  }
  return undefined
}

/** Everything a case uses, and the clearing away of it. */
class Stage {
  readonly #subject: Subject
  readonly #options: RunCaseOptions
  readonly #engines: Engine[] = []
  #hal: Hal | undefined
  #folder: string | undefined

  constructor(subject: Subject, options: RunCaseOptions) {
    this.#subject = subject
    this.#options = options
  }

  /** The context, or why there is nothing to test. */
  async open(): Promise<CaseContext | string> {
    const backend = await this.#subject.backend()
    const made = createHal({ backends: [backend] })
    const hal = this.#options.wrapHal?.(made) ?? made
    this.#hal = hal
    const devices = await hal.devices()
    const wanted = this.#subject.device
    const device = wanted === undefined ? devices[0] : devices.find(({ id }) => id === wanted)
    if (device === undefined) return `${wanted ?? `a device of ${this.#subject.name}`} is not on this machine`
    const source = (name: ModelName) => this.#source(name, device)
    const isolation = this.#subject.options?.isolation ?? (device.capabilities.isolation[0] as Isolation)
    return {
      hal,
      device,
      isolation,
      source,
      sample: (name, seed = 1) => model(name).sample(seed),
      open: async (name, options, control) =>
        this.#keep(await this.#open(hal, device, await source(name), name, options, control)),
    }
  }

  #open(
    hal: Hal,
    device: Device,
    source: ModelSource,
    name: ModelName,
    options?: EngineOptions,
    control?: OpenControl,
  ): Promise<Engine> {
    const own = this.#subject.models?.[name]?.options
    return hal.openEngine(
      source,
      { devices: [device.id], ...this.#subject.options, ...own, ...options },
      control,
    )
  }

  #keep(opened: Engine): Engine {
    const engine = quiet(this.#options.wrapEngine?.(opened) ?? opened)
    this.#engines.push(engine)
    return engine
  }

  async #source(name: ModelName, { capabilities }: Device): Promise<ModelSource> {
    const source = this.#subject.models?.[name]?.source ?? modelBytes(name)
    if (capabilities.modelFromBytes || typeof source === 'string' || source instanceof URL) return source
    this.#folder ??= await mkdtemp(join(tmpdir(), 'xpu-hal-conformance-'))
    const file = join(this.#folder, `${name}.onnx`)
    const bytes = 'bytes' in source ? source.bytes : source
    await writeFile(file, bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes))
    return file
  }

  /** Closes what the case left open; an error of it is the case's. */
  async close(): Promise<void> {
    await Promise.all(this.#engines.splice(0).map((engine) => engine.close()))
    const hal = this.#hal
    this.#hal = undefined
    await hal?.close()
  }

  /**
   * The same after a failure, for as long as the patience with something broken lasts: what it leaves behind should not
   * look like the leak of the next case. What goes wrong now is no news, the case has failed already.
   */
  async clean(): Promise<void> {
    const closing = this.#engines.splice(0).map((engine) => engine.close({ timeout: CLEANING_MS / 2 }))
    await Promise.race([
      Promise.allSettled([...closing, this.#hal?.close()]),
      setTimeout(CLEANING_MS, 0, { ref: false }),
    ])
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }
}
