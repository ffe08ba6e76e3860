import type { Option } from './option.js'
import type { DataType } from './tensor.js'

/** A compute unit of a device. `boundOption` names cores by position: NPU_0 is the first. */
export interface Core {
  /** Unique in its device, for example `NPU_0`. */
  readonly id: string
  /** How many runs it executes at the same time; 1 for a core of an accelerator. */
  readonly slots: number
}

export type DeviceKind = 'npu' | 'gpu' | 'cpu'

/** Where a backend's runner works: a worker thread, a child process, or the calling thread. */
export type Isolation = 'thread' | 'process' | 'inline'

/** What a device and its backend can do. The conformance suite picks its cases by these. */
export interface Capabilities {
  readonly dataTypes: readonly DataType[]
  /** Takes models whose shapes are known only at run time. */
  readonly dynamicShapes: boolean
  /** Takes models from bytes, not only from files. */
  readonly modelFromBytes: boolean
  /** Implements `engine.runSync`. */
  readonly runSync: boolean
  /** Can stop a run that is already executing; otherwise a cancelled run goes on and its result is dropped. */
  readonly cancelRunning: boolean
  /** Outputs of fixed shapes are written to the memory that a run brings, without a copy; true when missing. */
  readonly outputsInPlace?: boolean
  /** Where its runner can work; the first is the default. */
  readonly isolation: readonly Isolation[]
}

/** Live figures of a device. Each is missing where the device does not tell. */
export interface DeviceStatus {
  /** Share of time busy, 0 to 1, for each core in order, since the previous reading. */
  readonly load?: readonly number[]
  readonly temperatureCelsius?: number
  readonly memoryUsedBytes?: number
  readonly memoryTotalBytes?: number
}

/** What a device is, unchanging while it is present. */
export interface DeviceInfo {
  /** Backend and index, for example `npu:0`: stable for a machine and a configuration. */
  readonly id: string
  readonly name: string
  readonly vendor: string
  readonly kind: DeviceKind
  readonly cores: readonly Core[]
  readonly capabilities: Capabilities
}

/** A device of this machine, as an application sees it. */
export interface Device extends DeviceInfo {
  /** Name of the backend that found it. */
  readonly backend: string
  /** The options an engine on this device takes: those every engine has, then the backend's own. */
  readonly options: readonly Option[]
  /** True from the loss of the device until its recovery. Runs fail with HAL_DEVICE_LOST meanwhile. */
  readonly lost: boolean
  status(): Promise<DeviceStatus>
}
