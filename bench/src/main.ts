import { parseArgs } from 'node:util'
import { benchDispatch } from './dispatch.js'
import { benchMemory } from './memory.js'
import { benchOrt } from './ort.js'
import { type Measured, report } from './report.js'

const benches: Readonly<Record<string, (model: string | undefined) => Promise<Measured>>> = {
  ort: benchOrt,
  dispatch: benchDispatch,
  memory: benchMemory,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, model: { type: 'string' } },
})
const [name = ''] = positionals
const bench = benches[name]
if (bench === undefined) {
  console.error(`usage: bench ${Object.keys(benches).join('|')} [--json] [--model FILE (ort only)]`)
  process.exitCode = 1
} else {
  console.log(report(name, await bench(values.model), values.json))
}
