import type { Backend } from '../backend.js'
import { Scheduler } from '../engine/scheduler.js'
import { HalError } from '../errors.js'
import type { Logger } from '../logger.js'
import { type BackendSource, resolveBackend } from './backend-source.js'
import { OpenDevice } from './open-device.js'

/** A backend that gave no device, and why. */
export interface AbsentBackend {
  readonly name: string
  readonly error: HalError
}

/** What the backends of a HAL have found. */
export interface Inventory {
  readonly backends: readonly Backend[]
  readonly devices: readonly OpenDevice[]
  readonly absent: readonly AbsentBackend[]
  readonly scheduler: Scheduler
}

/** Asks every backend for its devices. @throws HalError for a source that is no backend; one without devices is no error. */
export async function takeInventory(sources: readonly BackendSource[], logger: Logger): Promise<Inventory> {
  // All of them before the first is asked for devices: a wrong one then leaves nothing behind that is taken.
  const backends = await resolveAll(sources)
  const devices: OpenDevice[] = []
  const absent: AbsentBackend[] = []
  for (const backend of backends) {
    try {
      const drivers = await backend.doDevices({ logger })
      devices.push(...drivers.map((driver) => new OpenDevice(backend, driver)))
      if (drivers.length === 0) throw new HalError('HAL_UNAVAILABLE', 'it found no device')
    } catch (error) {
      absent.push({ name: backend.name, error: HalError.from(error) })
      logger('info', `backend '${backend.name}' has no device: ${HalError.from(error).message}`)
    }
  }
  return { backends, devices, absent, scheduler: new Scheduler() }
}

async function resolveAll(sources: readonly BackendSource[]): Promise<Backend[]> {
  const backends: Backend[] = []
  for (const source of sources) {
    const backend = await resolveBackend(source)
    if (backends.some(({ name }) => name === backend.name)) {
      throw new HalError('HAL_INVALID_ARGUMENT', `two backends have the name '${backend.name}': rename one`)
    }
    backends.push(backend)
  }
  return backends
}
