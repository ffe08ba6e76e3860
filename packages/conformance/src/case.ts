import type { Device, Engine, EngineOptions, Hal, Isolation, ModelSource, OpenControl } from '@xpu-hal/core'
import type { ModelName, Sample } from './models/model.js'

/** What a case works with. Engines that it leaves open are closed after it. */
export interface CaseContext {
  readonly hal: Hal
  /** The device under test. */
  readonly device: Device
  /** Where the subject's runs execute. */
  readonly isolation: Isolation
  /** A model as this device takes it: bytes, or a file. */
  source(model: ModelName): Promise<ModelSource>
  /** Opens a model on the device under test, with the subject's options below the given ones. */
  open(model: ModelName, options?: EngineOptions, control?: OpenControl): Promise<Engine>
  /** Inputs for a model, and the only right answer to them. */
  sample(model: ModelName, seed?: number): Sample
}

/** One thing that the HAL promises, and how to see whether it is so. Ids are stable. */
export interface Case {
  /** `area/what-must-hold`. */
  readonly id: string
  /** The promise, in one sentence. */
  readonly title: string
  readonly models: readonly ModelName[]
  /**
   * Why this device cannot be asked, beside data types and shapes that its capabilities exclude. `all`: the devices of its
   * backend, itself included.
   */
  requires?(device: Device, isolation: Isolation, all: readonly Device[]): string | undefined
  run(context: CaseContext): Promise<void>
}

/** The part of a case's id before the slash. */
export function areaOf({ id }: Case): string {
  return id.slice(0, id.indexOf('/'))
}
