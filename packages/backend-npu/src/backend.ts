import {
  type Backend,
  type BackendContext,
  type DeviceDriver,
  type EngineDriver,
  HalError,
  type Isolation,
  type OpenRequest,
} from '@xpu-hal/core/backend'
import { endIdleWorkers, host } from '@xpu-hal/host'
import type { NpuConfig } from './config.js'
import { NUMERIC_TYPES } from './data-types.js'
import { type ModelFile, modelFile } from './model-file.js'
import { known, quirksOf } from './quirks.js'
import type { NpuRunnerConfig } from './runner.js'
import { workersOf } from './workers.js'

const runner = new URL('./runner.js', import.meta.url)

const START_TIMEOUT = 120_000
const ANSWER_TIMEOUT = 10_000
const CLOSE_TIMEOUT = 10_000

/** Milliseconds that a worker gets to tell by itself that there was no answer, before it counts as stuck in the runtime. */
const INTERRUPT_AFTER = 100
const GIVE_UP_AFTER = 1_000

/**
 * Runs at once on a core: an OAAX runtime takes them from all of its instances, and divides its device among them itself. More
 * than an application has engines, for no engine has more than one worker on a core.
 */
const SLOTS = 16

/** An OAAX runtime as a backend. One device, `npu:0` unless it has another name, with a core for each instance of the runtime that an engine may use. */
export class NpuBackend implements Backend {
  readonly specVersion = 1
  readonly name: string
  readonly version = '0.1.0'

  constructor(private readonly config: NpuConfig) {
    this.name = config.name ?? 'npu'
  }

  /** @throws HalError HAL_UNAVAILABLE when the library is missing, does not load, or is no OAAX runtime. */
  async doDevices({ logger }: BackendContext): Promise<readonly DeviceDriver[]> {
    const { loadLibrary } = await nativePart()
    const { name, version, calls } = loadLibrary(this.config.library)
    logger('debug', `${name} ${version}, ${calls.kind} OAAX runtime`, { library: this.config.library })
    for (const { reason } of known(name, version)) logger('debug', `${name} ${version}: ${reason}`)
    const { inFlight } = quirksOf(name, version, this.config.quirks)
    const calledAs = `${name} ${version}`
    return [device(this.name, this.config, calledAs, calls.kind === 'synchronous' ? 1 : inFlight)]
  }

  doClose(): Promise<void> {
    return endIdleWorkers(runner)
  }
}

/** Loaded late: where the foreign function interface has no binary for the platform, its import throws. */
async function nativePart(): Promise<typeof import('./native/library.js')> {
  try {
    return await import('./native/library.js')
  } catch (cause) {
    const message = 'koffi, which calls the runtime, does not load. Install it again.'
    throw new HalError('HAL_UNAVAILABLE', message, { cause })
  }
}

function device(backend: string, config: NpuConfig, name: string, inFlight: number): DeviceDriver {
  return {
    info: {
      id: `${backend}:0`,
      name,
      vendor: 'OAAX',
      kind: 'npu',
      cores: Array.from({ length: config.instances ?? 1 }, (_, i) => ({ id: `NPU_${i}`, slots: SLOTS })),
      capabilities: {
        dataTypes: NUMERIC_TYPES,
        dynamicShapes: true,
        modelFromBytes: true,
        runSync: false,
        cancelRunning: false,
        outputsInPlace: false,
        isolation: ['thread', 'process'],
      },
    },
    options: [],
    doOpen: (request) => open(config, inFlight, request),
  }
}

/** Drivers that are open: of which runtime, and the file that was written for them. */
const made = new WeakMap<EngineDriver, { readonly config: NpuConfig; readonly file: ModelFile | undefined }>()

/** Runtimes take a file: one is there for the bytes of a model until the engine and its clones are closed, for instances start from it. */
async function open(config: NpuConfig, inFlight: number, request: OpenRequest): Promise<EngineDriver> {
  const { model } = request
  const { name } = model
  const known = request.like && made.get(request.like)
  const like = known?.config === config ? request.like : undefined
  const file = model.kind === 'file' ? undefined : await modelFile(model, like && known?.file)
  const path = model.kind === 'file' ? model.path : (file as ModelFile).path
  try {
    const driver = await openEngine(config, inFlight, like, {
      ...request,
      model: { kind: 'file', name, path },
    })
    made.set(driver, { config, file })
    const close = driver.doClose.bind(driver)
    driver.doClose = () => close().finally(() => file?.folder.leave())
    return driver
  } catch (error) {
    await file?.folder.leave()
    throw error
  }
}

function openEngine(
  config: NpuConfig,
  inFlight: number,
  like: EngineDriver | undefined,
  request: OpenRequest,
): Promise<EngineDriver> {
  const {
    library,
    args = {},
    startTimeout = START_TIMEOUT,
    answerTimeout = ANSWER_TIMEOUT,
    closeTimeout = CLOSE_TIMEOUT,
    tensors,
    quirks = {},
    extension = true,
  } = config
  const isolation = request.options.isolation as Isolation
  const alone = isolation === 'process'
  const runnerConfig: NpuRunnerConfig = { library, args, answerTimeout, tensors, quirks, extension, alone }
  return host({
    module: runner,
    model: request.model,
    config: runnerConfig,
    workers: workersOf(request),
    depth: inFlight,
    // It would take one more instance.
    runSync: false,
    isolation,
    like,
    // Each instance loads the file for itself.
    sharesWeights: false,
    limits: {
      open: startTimeout,
      interrupt: answerTimeout + INTERRUPT_AFTER,
      run: answerTimeout + GIVE_UP_AFTER,
      close: closeTimeout,
    },
    logger: request.logger,
  })
}
