import type { Capabilities, Core, Device, DeviceKind, DeviceStatus } from '../device.js'
import type { Option } from '../option.js'
import type { DeviceMessage } from './message.js'

/** A device as a thread sees it that has an engine there by a connection. */
export class RemoteDevice implements Device {
  readonly id: string
  readonly name: string
  readonly vendor: string
  readonly kind: DeviceKind
  readonly cores: readonly Core[]
  readonly capabilities: Capabilities
  readonly backend: string
  readonly options: readonly Option[]
  lost: boolean

  constructor(
    { id, name, vendor, kind, cores, capabilities, backend, options, lost }: DeviceMessage,
    private readonly ask: () => Promise<DeviceStatus>,
  ) {
    this.id = id
    this.name = name
    this.vendor = vendor
    this.kind = kind
    this.cores = cores
    this.capabilities = capabilities
    this.backend = backend
    this.options = options
    this.lost = lost
  }

  status(): Promise<DeviceStatus> {
    return this.ask()
  }
}
