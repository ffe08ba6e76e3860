import { parseArgs } from 'node:util'
import { benchBatching } from './batching.js'
import { benchClones } from './clones.js'
import { benchDispatch } from './dispatch.js'
import { benchIsolation } from './isolation.js'
import { benchMemory } from './memory.js'
import { benchNpu } from './npu.js'
import { benchOrt } from './ort.js'
import { type Measured, report } from './report.js'
import { benchScaling } from './scaling.js'
import { benchSoak, type SoakIsolation, type SoakSettings } from './soak.js'
import { benchSurvive } from './survive.js'
import { benchThreads } from './threads.js'

type Arguments = { readonly model?: string } & SoakSettings

const benches: Readonly<Record<string, (given: Arguments) => Promise<Measured>>> = {
  ort: ({ model }) => benchOrt(model),
  dispatch: benchDispatch,
  memory: benchMemory,
  clones: benchClones,
  npu: benchNpu,
  isolation: ({ model }) => benchIsolation(model),
  survive: () => benchSurvive(),
  soak: benchSoak,
  threads: benchThreads,
  scaling: benchScaling,
  batching: benchBatching,
}

const usage = `usage: bench ${Object.keys(benches).join('|')} [--json] [--model FILE (ort, isolation)]
  soak: [--runs N] [--ort-runs N] [--seed N] [--isolation thread|process|inline]`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      model: { type: 'string' },
      runs: { type: 'string' },
      'ort-runs': { type: 'string' },
      seed: { type: 'string' },
      isolation: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const [name = ''] = positionals
  const bench = benches[name]
  if (values.help) console.log(usage)
  else if (bench === undefined) throw new Error(usage)
  else {
    const { model, runs, 'ort-runs': ortRuns, seed, isolation } = values
    const given = {
      ...(model !== undefined && { model }),
      ...(runs !== undefined && { runs: wholeNumber(runs) }),
      ...(ortRuns !== undefined && { ortRuns: wholeNumber(ortRuns) }),
      ...(seed !== undefined && { seed: wholeNumber(seed) }),
      ...(isolation !== undefined && { isolation: isolation as SoakIsolation }),
    }
    console.log(report(name, await bench(given), values.json))
  }
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`'${text}' is no whole number\n${usage}`)
  return Number(text)
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
