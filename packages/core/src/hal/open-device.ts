import type { Backend, DeviceDriver } from '../backend.js'
import { COMMON_OPTIONS } from '../common-options.js'
import type { Device } from '../device.js'
import type { OpenEngine } from '../engine/open-engine.js'
import type { HalError } from '../errors.js'

/** A device with what stands behind it: its driver and the engines that are open on it. */
export class OpenDevice {
  /** What the application gets. */
  readonly device: Device
  readonly engines = new Set<OpenEngine>()
  /** Why it is lost; `undefined` while it is there. */
  loss: HalError | undefined

  constructor(
    backend: Backend,
    readonly driver: DeviceDriver,
  ) {
    this.device = this.#facade(backend)
    driver.doSubscribe?.((event) => {
      this.loss = event.kind === 'lost' ? event.error : undefined
      for (const engine of [...this.engines]) engine.deviceChanged(event, this.device)
    })
  }

  #facade(backend: Backend): Device {
    const { driver } = this
    const isLost = () => this.loss !== undefined
    return {
      ...driver.info,
      backend: backend.name,
      options: [...COMMON_OPTIONS, ...driver.options],
      get lost() {
        return isLost()
      },
      status: async () => (await driver.doStatus?.()) ?? {},
    }
  }
}
