import type { Backend, DeviceDriver } from '@xpu-hal/core/backend'
import { endIdleWorkers } from '@xpu-hal/host'
import { deviceConfigs, type MockConfig } from './config.js'
import { MockDevice, runner } from './device.js'

/** A backend that needs no hardware and no native code. */
export class MockBackend implements Backend {
  readonly specVersion = 1
  readonly name = 'mock'
  readonly version = '0.1.0'
  /** The controls of the simulated devices `mock:0`, `mock:1`, ... */
  readonly devices: readonly MockDevice[]

  /** @throws HalError HAL_INVALID_ARGUMENT naming the setting that can not be. */
  constructor(config: MockConfig = {}) {
    this.devices = deviceConfigs(config).map((device, i) => new MockDevice(`${this.name}:${i}`, device))
  }

  async doDevices(): Promise<readonly DeviceDriver[]> {
    return this.devices
  }

  async doClose(): Promise<void> {
    for (const device of this.devices) device.unsubscribe()
    await endIdleWorkers(runner)
  }
}

/** Simulated NPUs for `createHal({ backends: [mock()] })`. */
export function mock(config?: MockConfig): MockBackend {
  return new MockBackend(config)
}
