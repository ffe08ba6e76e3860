import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { HalError, type Model } from '@xpu-hal/core/backend'
import { type OrtApi, type Pointer, resultOf } from './api.js'
import { releaseFreedMemory } from './memory.js'
import { appendProvider, isCpu } from './providers.js'
import { loadError, OrtFailure } from './status.js'
import { refuseElsewhere, type Weights, weightEntries, writeError } from './weights.js'

/** `GraphOptimizationLevel` of onnxruntime_c_api.h. */
const OPTIMIZATION_LEVELS = { disabled: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const
const EXECUTION_MODES = { sequential: 0, parallel: 1 } as const

export type GraphOptimizationLevel = keyof typeof OPTIMIZATION_LEVELS
export type ExecutionMode = keyof typeof EXECUTION_MODES

/**
 * `ORT_LOGGING_LEVEL_FATAL`. ONNX Runtime logs to the standard error stream, from any of its threads. A function of
 * ours in its place would be called on those threads, which JavaScript cannot serve; so the log is off, and what went
 * wrong comes with the status of each call.
 */
export const LOG_FATAL = 4

export interface SessionSettings {
  /** Number of threads that run on the session at the same time. */
  readonly workers: number
  readonly threadsPerWorker: number
  readonly graphOptimizationLevel: GraphOptimizationLevel
  readonly executionMode: ExecutionMode
  readonly executionProvider: string
  readonly executionProviderOptions: Readonly<Record<string, string>>
  /** False: every operator must run on the execution provider. */
  readonly cpuFallback: boolean
  /** Prefix of the profile that is written when the session is released; missing: none. */
  readonly profiling: string | undefined
  readonly sessionConfig: Readonly<Record<string, string>>
  readonly weights?: Weights
}

/**
 * A session and the environment it lives in. ONNX Runtime has one environment a process and counts who uses it:
 * `CreateEnv` takes a share, `ReleaseEnv` gives it back, and the last one frees it. So each session holds a share of
 * its own, and a process may end with all of them held: nothing of ours runs at exit.
 */
export interface Session {
  readonly env: Pointer
  readonly session: Pointer
}

/** Loads the model. Every thread of the process may run it. @throws HalError, see `loadError` and `appendProvider` */
export function createSession(api: OrtApi, model: Model, settings: SessionSettings): Session {
  const env = resultOf(api.CreateEnv, LOG_FATAL, 'xpu-hal')
  try {
    const session = loadModel(api, env, model, settings)
    // Loading takes up to twice the size of the model for a while.
    releaseFreedMemory()
    return { env, session }
  } catch (error) {
    api.ReleaseEnv(env)
    if (!(error instanceof OrtFailure)) throw error
    throw writeError(error, model.name, settings.weights) ?? loadError(error, model.name)
  }
}

/** No thread may be running it. */
export function releaseSession(api: OrtApi, { env, session }: Session): void {
  api.ReleaseSession(session)
  api.ReleaseEnv(env)
  releaseFreedMemory()
}

function loadModel(api: OrtApi, env: Pointer, model: Model, settings: SessionSettings): Pointer {
  const options = resultOf(api.CreateSessionOptions)
  try {
    if (settings.weights !== undefined) refuseElsewhere(settings.executionProvider)
    applySettings(api, options, settings)
    if (model.kind === 'bytes') refuseBorrowing(settings.sessionConfig)
    if (model.kind === 'file') return resultOf(api.CreateSession, env, model.path, options)
    return resultOf(api.CreateSessionFromArray, env, model.bytes, model.bytes.byteLength, options)
  } finally {
    api.ReleaseSessionOptions(options)
  }
}

function applySettings(api: OrtApi, options: Pointer, settings: SessionSettings): void {
  api.SetSessionLogSeverityLevel(options, LOG_FATAL)
  api.SetIntraOpNumThreads(options, settings.threadsPerWorker)
  api.SetInterOpNumThreads(options, settings.executionMode === 'parallel' ? settings.threadsPerWorker : 1)
  api.SetSessionExecutionMode(options, EXECUTION_MODES[settings.executionMode])
  // What is mapped was rewritten when it was written.
  const level = settings.weights === 'mapped' ? 'disabled' : settings.graphOptimizationLevel
  api.SetSessionGraphOptimizationLevel(options, OPTIMIZATION_LEVELS[level])
  if (typeof settings.weights === 'object') api.SetOptimizedModelFilePath(options, settings.weights.writeTo)
  if (settings.profiling !== undefined) enableProfiling(api, options, settings.profiling)
  for (const [key, value] of Object.entries(configEntries(settings))) setEntry(api, options, key, value)
  appendProvider(api, options, settings.executionProvider, settings.executionProviderOptions)
}

/** With these, ONNX Runtime would read the bytes of the model for as long as the session lives; they are gone by then. */
function refuseBorrowing(config: Readonly<Record<string, string>>): void {
  for (const name of ['directly', 'for_initializers']) {
    const key = `session.use_ort_model_bytes_${name}`
    if (config[key] !== '1') continue
    throw new HalError(
      'HAL_INVALID_ARGUMENT',
      `sessionConfig '${key}' is not for a model of bytes; open a file`,
    )
  }
}

/** Ours first, so that the user's win. */
function configEntries(settings: SessionSettings): Record<string, string> {
  // The pool's threads would spin on the cores that the other workers compute on.
  const spinning = settings.workers > 1 ? '0' : '1'
  return {
    'session.intra_op.allow_spinning': spinning,
    'session.inter_op.allow_spinning': spinning,
    ...(settings.cpuFallback || isCpu(settings.executionProvider)
      ? {}
      : { 'session.disable_cpu_ep_fallback': '1' }),
    ...weightEntries(settings.weights),
    ...settings.sessionConfig,
  }
}

/** ONNX Runtime says nothing when it cannot write the profile. */
function enableProfiling(api: OrtApi, options: Pointer, prefix: string): void {
  const folder = dirname(prefix)
  if (!existsSync(folder)) {
    throw new HalError('HAL_INVALID_ARGUMENT', `profiling: the folder ${folder} does not exist; create it`)
  }
  api.EnableProfiling(options, prefix)
}

function setEntry(api: OrtApi, options: Pointer, key: string, value: string): void {
  try {
    api.AddSessionConfigEntry(options, key, value)
  } catch (error) {
    if (!(error instanceof OrtFailure)) throw error
    throw new HalError('HAL_INVALID_ARGUMENT', `sessionConfig '${key}' = '${value}': ${error.message}`, {
      native: error.native,
      cause: error,
    })
  }
}
