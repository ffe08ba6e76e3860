import type { Backend, DeviceDriver } from '../backend.js'
import { COMMON_OPTIONS } from '../common-options.js'
import type { Capabilities, Core, Device, DeviceKind, DeviceStatus } from '../device.js'
import type { OpenEngine } from '../engine/open-engine.js'
import { Scheduler } from '../engine/scheduler.js'
import type { Option } from '../option.js'

/** A device with its driver, its scheduler and the engines that are open on it. */
export class OpenDevice implements Device {
  readonly id: string
  readonly name: string
  readonly vendor: string
  readonly kind: DeviceKind
  readonly cores: readonly Core[]
  readonly capabilities: Capabilities
  readonly backend: string
  readonly options: readonly Option[]
  /** For core only. */
  readonly driver!: DeviceDriver
  readonly scheduler!: Scheduler
  readonly engines!: Set<OpenEngine>
  #lost = false

  constructor(backend: Backend, driver: DeviceDriver) {
    const { id, name, vendor, kind, cores, capabilities } = driver.info
    this.id = id
    this.name = name
    this.vendor = vendor
    this.kind = kind
    this.cores = cores
    this.capabilities = capabilities
    this.backend = backend.name
    this.options = [...COMMON_OPTIONS, ...driver.options]
    // Out of sight of whoever prints a device.
    hide(this, { driver, scheduler: new Scheduler(cores), engines: new Set<OpenEngine>() })
    driver.doSubscribe?.((event) => {
      this.#lost = event.kind === 'lost'
      for (const engine of [...this.engines]) engine.deviceChanged(event)
    })
  }

  get lost(): boolean {
    return this.#lost
  }

  async status(): Promise<DeviceStatus> {
    return (await this.driver.doStatus?.()) ?? {}
  }
}

function hide(target: object, members: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(members)) Object.defineProperty(target, name, { value })
}
