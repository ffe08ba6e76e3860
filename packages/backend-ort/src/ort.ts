import type { Backend } from '@xpu-hal/core/backend'
import { OrtBackend, type OrtConfig } from './backend.js'

/** ONNX Runtime as a backend for `createHal`. Nothing is loaded before the HAL asks for devices. */
export function ort(config: OrtConfig = {}): Backend {
  return new OrtBackend(config)
}
