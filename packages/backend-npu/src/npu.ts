import type { Backend } from '@xpu-hal/core/backend'
import { NpuBackend } from './backend.js'
import { checkConfig, type NpuConfig } from './config.js'

/**
 * A vendor's OAAX runtime as a backend for `createHal`. Nothing is loaded before the HAL asks for devices.
 * @throws TypeError when `library` is missing; HalError HAL_INVALID_ARGUMENT naming another setting that is wrong.
 */
export function npu(config: NpuConfig): Backend {
  return new NpuBackend(checkConfig(config))
}
