export { compile, infosOf, type Program, zeros } from './graph.js'
export { sameShape } from './shape.js'
export { resized, shared, write } from './values.js'
