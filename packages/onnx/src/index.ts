export { decodeModel } from './decode.js'
export { encodeModel } from './encode.js'
export type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from './model.js'
export { type OnnxSignature, readSignature } from './signature.js'
