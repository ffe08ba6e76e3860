import { parseArgs } from 'node:util'
import { benchDispatch } from './dispatch.js'
import { benchIsolation } from './isolation.js'
import { benchMemory } from './memory.js'
import { benchNpu } from './npu.js'
import { benchOrt } from './ort.js'
import { type Measured, report } from './report.js'
import { benchSurvive } from './survive.js'

const benches: Readonly<Record<string, (model: string | undefined) => Promise<Measured>>> = {
  ort: benchOrt,
  dispatch: benchDispatch,
  memory: benchMemory,
  npu: benchNpu,
  isolation: benchIsolation,
  survive: (model) => benchSurvive(model),
}

const usage = `usage: bench ${Object.keys(benches).join('|')} [--json] [--model FILE (ort, isolation)]`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      model: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const [name = ''] = positionals
  const bench = benches[name]
  if (values.help) console.log(usage)
  else if (bench === undefined) throw new Error(usage)
  else console.log(report(name, await bench(values.model), values.json))
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
