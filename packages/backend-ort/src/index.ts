export type { OrtConfig } from './backend.js'
export { ort, ort as createBackend } from './ort.js'
