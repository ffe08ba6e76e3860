import type { BackendSource, EngineOptions, ModelSource } from '@xpu-hal/core'
import type { ModelName } from './models/model.js'

/** A case that is not held against the subject, and why. */
export interface Exclusion {
  /** Id of the case. */
  readonly case: string
  readonly reason: string
}

/** Another form of one of the suite's models. Inputs, outputs and answers must be the same. */
export interface ModelOverride {
  /** A file or bytes in the vendor's own format; missing: the ONNX model of the suite. */
  readonly source?: ModelSource
  /** Engine options for this model alone. */
  readonly options?: EngineOptions
}

/** What is put to the proof. */
export interface Subject {
  readonly name: string
  /**
   * The backend under test, or the name of its package; asked for once a case. Making a new one each time tests more.
   */
  readonly backend: () => BackendSource | Promise<BackendSource>
  /** Id of the device to test; missing: the first one that the backend finds. */
  readonly device?: string
  /** Engine options for every model. */
  readonly options?: EngineOptions
  readonly models?: { readonly [name in ModelName]?: ModelOverride }
  /** Cases that will never apply. They are not run. */
  readonly unsupported?: readonly Exclusion[]
  /** Cases that do not hold yet. They are run, and one that passes is reported as stale. */
  readonly expectedFailures?: readonly Exclusion[]
}
