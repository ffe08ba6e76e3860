export type { OrtConfig } from './backend.js'
export { ort, ort as default } from './ort.js'
