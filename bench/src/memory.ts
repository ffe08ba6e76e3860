import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { heavy } from './models.js'
import { type Measured, round } from './report.js'
import { median } from './samples.js'

const child = fileURLToPath(new URL('./memory-child.js', import.meta.url))
const ROUNDS = 5

/** Resident memory of a process with 1, 2 and 3 workers on one model of 98 MB, against as many sessions. Linux only. */
export async function benchMemory(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'xpu-hal-bench-'))
  try {
    const model = join(folder, 'heavy.onnx')
    const bytes = heavy()
    await writeFile(model, bytes)
    const figures: Record<string, number> = { modelMb: bytes.byteLength / 1e6 }
    const rows: Record<string, string | number>[] = []
    for (const side of ['theirs', 'ours']) {
      for (const count of [1, 2, 3]) {
        const samples: number[] = []
        for (let i = 0; i < ROUNDS; i++) samples.push(await residentMb(side, count, model))
        const name = side === 'ours' ? 'xpu-hal, workers' : 'onnxruntime-node, sessions'
        figures[`${side}${count}Mb`] = median(samples)
        rows.push({ side: name, count, 'resident MB': round(median(samples)) })
      }
    }
    const ratio = (side: string) =>
      (figures[`${side}3Mb`] ?? Number.NaN) / (figures[`${side}1Mb`] ?? Number.NaN)
    return { rows, ratios: { ours3to1: ratio('ours'), theirs3to1: ratio('theirs') }, figures }
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function residentMb(side: string, count: number, model: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, side, String(count), model])
  return Number(stdout) / 1024
}
