import { type Engine, type Tensor, tensor } from '@xpu-hal/core'
import { PIXELS } from './digits.js'
import type { Engines } from './engines.js'

/** One picture a row. */
export function pictures(rows: readonly Uint8Array[]): Tensor<'uint8'> {
  const pixels = tensor('uint8', [rows.length, PIXELS])
  rows.forEach((row, i) => void pixels.data.set(row, i * PIXELS))
  return pixels
}

/**
 * One after the other: what the first model writes is what the second one reads, the very same memory. The models leave the
 * number of rows open, so the memory for what they write comes from here; else it would come by a copy.
 */
export async function readDigits({ normaliser, neighbours }: Engines, pixels: Tensor): Promise<number[]> {
  const features = await run(normaliser, { pixels }, 'features')
  return best(await run(neighbours, { features }, 'scores'))
}

export interface Opinions {
  readonly neighbours: number
  readonly segments: number
}

/** Two models side by side on what a third one prepared for both; then their answers next to each other. */
export async function askBoth(
  { normaliser, neighbours, segments }: Engines,
  pixels: Tensor,
): Promise<Opinions[]> {
  const features = await run(normaliser, { pixels }, 'features')
  const [first, second] = await Promise.all([
    run(neighbours, { features }, 'scores'),
    run(segments, { features }, 'scores'),
  ])
  const other = best(second)
  return best(first).map((digit, i) => ({ neighbours: digit, segments: other[i] ?? -1 }))
}

/** Runs a model whose one output has a row for each row of its input. */
async function run(engine: Engine, inputs: Record<string, Tensor>, output: string): Promise<Tensor> {
  const rows = Object.values(inputs)[0]?.shape[0] ?? 0
  const columns = engine.outputs.find(({ name }) => name === output)?.shape.slice(1) ?? []
  const memory = engine.allocate(output, [rows, ...columns])
  await engine.run(inputs, { outputs: { [output]: memory } })
  return memory
}

/** The digit with the highest score, for each row. */
export function best({ data, shape: [rows = 0, digits = 0] }: Tensor): number[] {
  const scores = data as Float32Array
  return Array.from({ length: rows }, (_, row) => {
    const ofRow = scores.subarray(row * digits, (row + 1) * digits)
    return ofRow.indexOf(Math.max(...ofRow))
  })
}
