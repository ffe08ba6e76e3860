import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { heavy, identity } from './models.js'
import { type Measured, round } from './report.js'
import { median } from './samples.js'

const child = fileURLToPath(new URL('./clones-child.js', import.meta.url))
const ROUNDS = 3
const COUNTS = [1, 2, 3] as const

/** Each is a row of the table; `opened` is without `clone`, every engine opened for itself. */
export const SIDES = [
  'inline',
  'inline, opened',
  'threads',
  'threads, opened',
  'sessions',
  'processes',
  'processes, unmapped',
] as const

export type ClonesSide = (typeof SIDES)[number]

/** Kilobytes when all were open, and when each had predicted once. */
export interface ClonesSample {
  readonly openedKb: number
  readonly ranKb: number
  /** Every engine but the first says that it shares the weights. */
  readonly shares: boolean
}

/**
 * Private memory of 1, 2 and 3 engines on one model of 98 MB: on the calling thread, on a worker thread each, in a process
 * each; and of as many sessions of onnxruntime-node. Every sample is a process of its own. Linux only.
 */
export async function benchClones(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'xpu-hal-bench-'))
  try {
    const bytes = heavy()
    const model = join(folder, 'heavy.onnx')
    const nothing = join(folder, 'identity.onnx')
    await writeFile(model, bytes)
    await writeFile(nothing, identity())
    const figures: Record<string, number> = { modelMb: bytes.byteLength / 1e6 }
    const rows: Record<string, string | number>[] = []
    const ran = new Map<string, number>()
    for (const side of SIDES) {
      const row: Record<string, string | number> = { side }
      for (const count of COUNTS) {
        const samples = await measure(side, count, model)
        const openedMb = median(samples.map(({ openedKb }) => openedKb)) / 1024
        const ranMb = median(samples.map(({ ranKb }) => ranKb)) / 1024
        row[`${count}: open`] = round(openedMb)
        row[`${count}: run`] = round(ranMb)
        row.shares = samples.every(({ shares }) => shares) ? 'yes' : 'no'
        figures[`${key(side)}${count}Mb`] = ranMb
        ran.set(`${side} ${count}`, ranMb)
      }
      rows.push(row)
    }
    const ratio = (side: ClonesSide) => of(ran, side, 3) / of(ran, side, 1)
    // What Node, ONNX Runtime and threads take without any weights.
    for (const side of ['threads', 'processes'] as const) {
      const [base1 = 0, base3 = 0] = [await base(side, 1, nothing), await base(side, 3, nothing)]
      Object.assign(figures, { [`${side}Base1Mb`]: base1, [`${side}Base3Mb`]: base3 })
      figures[`${side}3to1WithoutBase`] = (of(ran, side, 3) - base3) / (of(ran, side, 1) - base1)
    }
    const ratios = {
      threads3to1: ratio('threads'),
      sessions3to1: ratio('sessions'),
      processes3to1: ratio('processes'),
      inline3to1: ratio('inline'),
      processesUnmapped3to1: ratio('processes, unmapped'),
      threadsToSessions3: of(ran, 'threads', 3) / of(ran, 'sessions', 3),
    }
    return { rows, ratios, figures }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function base(side: ClonesSide, count: number, model: string): Promise<number> {
  return median((await measure(side, count, model)).map(({ ranKb }) => ranKb)) / 1024
}

async function measure(side: ClonesSide, count: number, model: string): Promise<ClonesSample[]> {
  const samples: ClonesSample[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [child, side, String(count), model])
    samples.push(JSON.parse(stdout) as ClonesSample)
  }
  return samples
}

function of(ran: ReadonlyMap<string, number>, side: ClonesSide, count: number): number {
  return ran.get(`${side} ${count}`) ?? Number.NaN
}

/** `processes, unmapped` as `processesUnmapped`. */
function key(side: ClonesSide): string {
  return side.replace(/, (\w)/, (_, letter: string) => letter.toUpperCase())
}
