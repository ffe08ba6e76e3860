import type { MockConfig } from '@xpu-hal/backend-mock'
import { createHal, type Engine, type EngineOptions, type Hal } from '@xpu-hal/core'
import { BACKENDS, type BackendName, makeBackend } from './backends.js'
import { type Flags, type FlagValues, helpText, readFlags } from './flags.js'
import { pictureScorer } from './model.js'

/** The flags that every script has. */
const COMMON = {
  backend: { about: 'what runs the model', words: BACKENDS, default: 'mock' },
  model: { about: 'ONNX model, in place of the one that the example makes', default: '' },
  loops: { about: 'runs', least: 1, default: 30 },
  help: { about: 'this text', default: false },
} as const

/** What a script gets. */
export interface Ground {
  readonly hal: Hal
  /** Opens the model that the flags name, on the device of the backend unless the options say otherwise, and warms it up. */
  open(options?: EngineOptions): Promise<Engine>
}

export interface Program<F extends Flags> {
  readonly about: string
  readonly flags: F
  /** How the mock differs from one device with three cores of 10 ms. */
  readonly simulated?: MockConfig
  main(flags: FlagValues<F & typeof COMMON>, ground: Ground): Promise<void>
}

/** Runs a script. What is wrong ends it with one line and exit code 1. */
export async function run<F extends Flags>({
  about,
  flags,
  simulated = {},
  main,
}: Program<F>): Promise<void> {
  try {
    const all = { ...flags, ...COMMON }
    const values = readFlags(process.argv.slice(2), all)
    if (values.help) {
      console.log(helpText(about, all))
      return
    }
    const backend = values.backend as BackendName
    // Of a model that is not made for it the mock simulates the time, and answers zeros.
    const arithmetic = values.model === '' ? 'exact' : 'zeros'
    await using hal = createHal({ backends: [makeBackend(backend, { arithmetic, ...simulated })] })
    const model = values.model === '' ? ownModel(backend) : values.model
    const usual = { devices: [backend], warmUp: 1 }
    const open = async (options: EngineOptions = {}) => {
      const engine = await hal.openEngine(model, { ...usual, ...options })
      return engine.on('error', report) // What only a callback would have heard of.
    }
    await main(values, { hal, open })
  } catch (error) {
    report(error)
  }
}

function report(error: unknown): void {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** A run takes some 10 ms of a core of a CPU; the mock only pretends that, and gets a small one. */
function ownModel(backend: BackendName) {
  return { name: 'picture-scorer', bytes: backend === 'mock' ? pictureScorer(16, 3) : pictureScorer(256, 30) }
}
