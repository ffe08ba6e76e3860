export {
  type Batching,
  BOUND_OPTIONS,
  type BoundOption,
  type CloneOptions,
  COMMON_OPTIONS,
  type CommonOptions,
  type EngineOptions,
} from './common-options.js'
export * from './device.js'
export * from './engine.js'
export { HalError, type HalErrorCode, type HalErrorDetails, type NativeCall } from './errors.js'
export type { BackendSource } from './hal/backend-source.js'
export type { OpenControl, OpenProgress } from './hal/open-control.js'
export { createHal, type Hal, type HalOptions } from './hal.js'
export type { Logger, LogLevel } from './logger.js'
export type { Model, ModelBytes, ModelSource, TensorInfo } from './model.js'
export type { Option, OptionType, OptionValue, OptionValues } from './option.js'
export { connectEngine } from './share/connect.js'
export type { DataType, NumericData, NumericDataType, Tensor, TensorData, TensorDataMap } from './tensor.js'
export {
  byteLength,
  bytesPerElement,
  DATA_TYPES,
  elementCount,
  isDataType,
  MAX_RANK,
  tensor,
} from './tensor.js'
