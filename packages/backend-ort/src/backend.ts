import { availableParallelism, cpus } from 'node:os'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import {
  type Backend,
  type BackendContext,
  DATA_TYPES,
  type DeviceDriver,
  type EngineDriver,
  HalError,
  type Isolation,
  type OpenRequest,
} from '@xpu-hal/core/backend'
import { endIdleWorkers, host } from '@xpu-hal/host'
import { openMapped } from './mapped-model.js'
import { ortOptions, sessionSettings } from './options.js'
import type { OrtRunnerConfig } from './runner.js'

/**
 * What switches the telemetry of ONNX Runtime off, which writes files and sends them. CreateEnv starts it, before a session
 * could call DisableTelemetryEvents; seen in 1.30.
 */
const TELEMETRY = 'ORT_DISABLE_TELEMETRY'

const runner = new URL('./runner.js', import.meta.url)

export interface OrtConfig {
  /** Path of the ONNX Runtime library to use, from the current folder; without it the one that onnxruntime-node ships. */
  readonly library?: string
}

/** ONNX Runtime as a backend. One device, `ort:cpu`, whose one core takes as many runs at a time as there are cores. */
export class OrtBackend implements Backend {
  readonly specVersion = 1
  readonly name = 'ort'
  readonly version = '0.1.0'

  private readonly library: string | undefined

  /** @throws HalError HAL_INVALID_ARGUMENT when `library` is no path. */
  constructor({ library }: OrtConfig) {
    if (library !== undefined && (typeof library !== 'string' || library === '' || library.includes('\0'))) {
      const shown = inspect(library, { depth: 0, customInspect: false })
      throw new HalError('HAL_INVALID_ARGUMENT', `ort: library is ${shown}; it is the path of a library`)
    }
    // The loader of the system would look for a bare name elsewhere.
    this.library = library && resolve(library)
  }

  /** @throws HalError HAL_UNAVAILABLE when the library is missing, does not load, or is too old. */
  async doDevices({ logger }: BackendContext): Promise<readonly DeviceDriver[]> {
    // On the main thread: the environment of a worker thread is a copy that native code does not see.
    process.env[TELEMETRY] ??= '1'
    const { loadLibrary, shippedLibrary } = await nativePart()
    const { path, version } = loadLibrary(this.library ?? shippedLibrary())
    logger('debug', `ONNX Runtime ${version}`, { library: path })
    return [cpuDevice(path, version)]
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
    throw new HalError(
      'HAL_UNAVAILABLE',
      'koffi, which calls ONNX Runtime, does not load. Install it again.',
      {
        cause,
      },
    )
  }
}

function cpuDevice(library: string, version: string): DeviceDriver {
  const slots = availableParallelism()
  return {
    info: {
      id: 'ort:cpu',
      name: `ONNX Runtime ${version} on ${cpus()[0]?.model.trim() ?? process.arch}`,
      vendor: 'Microsoft',
      kind: 'cpu',
      cores: [{ id: 'CPU', slots }],
      capabilities: {
        dataTypes: DATA_TYPES,
        dynamicShapes: true,
        modelFromBytes: true,
        runSync: true,
        cancelRunning: true,
        isolation: ['thread', 'process', 'inline'],
      },
    },
    options: ortOptions,
    doOpen: (request) => openEngine(library, request),
  }
}

function openEngine(library: string, request: OpenRequest): Promise<EngineDriver> {
  const isolation = request.options.isolation as Isolation
  const settings = sessionSettings(request.options)
  const config: OrtRunnerConfig = { library, ...settings }
  const { workers, threadsPerWorker } = settings
  const machine = availableParallelism()
  if (workers * threadsPerWorker > machine) {
    const message = `${request.engine}: ${workers} workers of ${threadsPerWorker} threads, and ${machine} cores to compute on; they wait for each other`
    request.logger('warn', message, { workers, threadsPerWorker, cores: machine })
  }
  request.logger('debug', `${request.engine}: ${workers} workers of ${threadsPerWorker} threads`, {
    isolation,
  })
  const core = request.cores[0] as string
  const options = {
    module: runner,
    model: request.model,
    config,
    workers: Array.from({ length: workers }, () => ({ core })),
    isolation,
    like: request.like,
    env: [TELEMETRY],
    logger: request.logger,
  }
  // Elsewhere all workers use one session.
  const maps = isolation === 'process' && request.options.mapWeights === true
  return maps ? openMapped(options, request) : host(options)
}
