/**
 * The runner of this backend: what `@xpu-hal/host` imports on every worker.
 *
 * @packageDocumentation
 */
import type { Model } from '@xpu-hal/core/backend'
import type { LoadedModel, Runner, WorkerInfo } from '@xpu-hal/host'
import type { Pointer } from './native/api.js'
import { cancelRun } from './native/cancel.js'
import { loadLibrary } from './native/library.js'
import { OrtRunner } from './native/ort-runner.js'
import { createSession, releaseSession, type Session, type SessionSettings } from './native/session.js'
import { sessionTensors } from './native/type-info.js'

export interface OrtRunnerConfig extends SessionSettings {
  /** Path of the ONNX Runtime library. */
  readonly library: string
}

/** One session, which all workers of the engine run. */
export interface SharedSession extends Session {
  readonly library: string
}

export function load(config: OrtRunnerConfig, model: Model): LoadedModel<SharedSession> {
  const { api } = loadLibrary(config.library)
  const session = createSession(api, model, config)
  try {
    return {
      inputs: sessionTensors(api, session.session, 'Input'),
      outputs: sessionTensors(api, session.session, 'Output'),
      outputShapes: 'hint',
      shared: { ...session, library: config.library },
    }
  } catch (error) {
    releaseSession(api, session)
    throw error
  }
}

export function open(_config: OrtRunnerConfig, shared: SharedSession, _worker: WorkerInfo): Runner {
  return new OrtRunner(loadLibrary(shared.library).api, shared.session)
}

export function unload(shared: SharedSession): void {
  releaseSession(loadLibrary(shared.library).api, shared)
}

export function cancel(token: Pointer, job: number): void {
  cancelRun(token, job)
}
