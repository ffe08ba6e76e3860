export type { InitArg, InitArgs, NpuConfig } from './config.js'
export { npu, npu as createBackend } from './npu.js'
export type { Quirks, Receiving } from './quirks.js'
export { type InterfaceForm, referenceLibrary } from './reference.js'
