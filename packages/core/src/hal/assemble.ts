import type { EngineDriver } from '../backend.js'
import type { CloneOptions } from '../common-options.js'
import { closeAll } from '../engine/close.js'
import { OpenEngine } from '../engine/open-engine.js'
import type { Scheduler } from '../engine/scheduler.js'
import { warmUp } from '../engine/warm-up.js'
import type { DeviceChoice } from '../engine.js'
import { HalError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { Model } from '../model.js'
import type { OptionValues } from '../option.js'
import { boundCores } from './bound.js'
import { cloneOptions } from './clone-options.js'
import { keptModel } from './kept-model.js'
import { type Opening, reporter } from './open-control.js'
import type { OpenDevice } from './open-device.js'

/** Has the HAL know of an engine that is being opened, so that none is left open when it closes. Rejects once it is closed. */
export type Admit = (open: () => Promise<OpenEngine>) => Promise<OpenEngine>

/** A model that was opened on one device, or on several. */
export interface OpenModel {
  /** Of the engine. */
  readonly id: string
  readonly model: Model
  readonly parts: readonly OpenPart[]
  readonly choices: readonly DeviceChoice[]
  readonly scheduler: Scheduler
  readonly logger: Logger
  readonly admit: Admit
  readonly opening: Opening
}

export interface OpenPart {
  readonly on: OpenDevice
  readonly options: OptionValues
  readonly driver: EngineDriver
}

let engines = 0

export function nextEngineId(): string {
  return `engine:${++engines}`
}

/** Warms the drivers up and makes the engine. Where that fails the drivers are closed. */
export async function assemble(opened: OpenModel): Promise<OpenEngine> {
  const { id, parts, choices, scheduler, logger, admit } = opened
  const [{ on, options: asked }] = parts as readonly [OpenPart]
  const options = { ...asked, workers: parts.reduce((sum, { driver }) => sum + driver.lanes.length, 0) }
  const drivers = parts.map(({ on: { device }, driver }) => ({ device, driver }))
  let engine: OpenEngine
  try {
    const model = await keptModel(opened.model, drivers)
    await warmUpAll(opened)
    engine = new OpenEngine({
      ...{ id, model: model.name, selection: choices, options, drivers, scheduler, logger },
      clone: (given, signal) => admit(() => openClone({ ...opened, model }, given, signal)),
      onClosed: () => {
        for (const { on } of parts) on.engines.delete(engine)
      },
    })
  } catch (error) {
    await closeAll(drivers.map(({ driver }) => driver)).catch(() => {})
    throw HalError.from(error, { device: on.device.id, engine: id })
  }
  for (const { on } of parts) {
    on.engines.add(engine)
    // It may have been lost while the model was being loaded.
    if (on.loss !== undefined) engine.deviceChanged({ kind: 'lost', error: on.loss }, on.device)
  }
  return engine
}

function warmUpAll({ parts, logger, opening }: OpenModel): Promise<void> {
  const runs = parts[0]?.options.warmUp as number
  if (runs === 0) return Promise.resolve()
  const report = reporter(opening, logger)
  const targets = parts.map(({ on, driver }) => ({ driver, device: on.device.id }))
  return warmUp(targets, {
    runs,
    inputs: opening.warmUpInputs,
    signal: AbortSignal.any([opening.signal, opening.closed]),
    report: (done, total, device) => report({ phase: 'warm-up', done, total, device }),
  })
}

/** Opens the model of an engine once more, where it is. */
async function openClone(original: OpenModel, given: CloneOptions, signal: AbortSignal): Promise<OpenEngine> {
  const { model, logger } = original
  const id = nextEngineId()
  const parts: OpenPart[] = []
  for (const { on, driver: like, options: own } of original.parts) {
    try {
      const options = cloneOptions(own, given)
      const cores = boundCores(options.boundOption, on.device)
      const driver = await on.driver.doOpen({ engine: id, model, options, cores, like, logger })
      parts.push({ on, options, driver })
    } catch (error) {
      await closeAll(parts.map(({ driver }) => driver)).catch(() => {})
      throw HalError.from(error, { device: on.device.id, engine: id })
    }
  }
  const { warmUpInputs, closed } = original.opening
  return assemble({ ...original, id, parts, opening: { warmUpInputs, signal, closed } })
}
