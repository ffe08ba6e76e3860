import type { EngineDriver } from '../backend.js'
import type { CloneOptions } from '../common-options.js'
import { OpenEngine } from '../engine/open-engine.js'
import type { DeviceChoice } from '../engine.js'
import { HalError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { Model } from '../model.js'
import type { OptionValues } from '../option.js'
import { boundCores } from './bound.js'
import { cloneOptions } from './clone-options.js'
import { keptModel } from './kept-model.js'
import type { OpenDevice } from './open-device.js'

/** Has the HAL know of an engine that is being opened, so that none is left open when it closes. Rejects once it is closed. */
export type Admit = (open: () => Promise<OpenEngine>) => Promise<OpenEngine>

/** A model that was opened on a device. */
export interface OpenModel {
  /** Of the engine. */
  readonly id: string
  readonly model: Model
  readonly taken: OpenDevice
  readonly options: OptionValues
  readonly driver: EngineDriver
  readonly choices: readonly DeviceChoice[]
  readonly logger: Logger
  readonly admit: Admit
}

let engines = 0

export function nextEngineId(): string {
  return `engine:${++engines}`
}

/** Makes the engine. Where that fails the driver is closed. */
export async function assemble(opened: OpenModel): Promise<OpenEngine> {
  const { id, taken, options, driver, choices, logger, admit } = opened
  const { device, scheduler } = taken
  let engine: OpenEngine
  try {
    const model = await keptModel(opened.model, driver)
    engine = new OpenEngine({
      ...{ id, model: model.name, device, selection: choices, options, driver, scheduler, logger },
      clone: (given) => admit(() => openClone({ ...opened, model }, given)),
      onClosed: () => taken.engines.delete(engine),
    })
  } catch (error) {
    await driver.doClose()
    throw HalError.from(error, { device: device.id, engine: id })
  }
  taken.engines.add(engine)
  // It may have been lost while the model was being loaded.
  if (taken.loss !== undefined) engine.deviceChanged({ kind: 'lost', error: taken.loss }, 'device')
  return engine
}

/** Opens the model of an engine once more, where it is. */
async function openClone(original: OpenModel, given: CloneOptions): Promise<OpenEngine> {
  const { taken, model, driver: like, logger } = original
  const { device } = taken
  const options = cloneOptions(original.options, given)
  const cores = boundCores(options.boundOption, device)
  const id = nextEngineId()
  let driver: EngineDriver
  try {
    driver = await taken.driver.doOpen({ engine: id, model, options, cores, like, logger })
  } catch (error) {
    throw HalError.from(error, { device: device.id, engine: id })
  }
  return assemble({ ...original, id, options, driver })
}
