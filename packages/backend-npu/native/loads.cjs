// node-gyp-build asks this whether there is anything to compile: it throws where a reference runtime is missing, or was
// built for another machine or C library.
const koffi = require('koffi')
const { referenceLibrary } = require('../dist/index.cjs')

for (const form of ['current', 'older']) koffi.load(referenceLibrary(form)).unload()
