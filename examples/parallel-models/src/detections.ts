import type { Outputs } from '@xpu-hal/core'
import type { ImageSize } from './picture.js'

export interface Detection {
  readonly label: string
  /** 0 to 1. */
  readonly score: number
  /** x1 y1 x2 y2 as parts of the picture, 0 to 1. */
  readonly box: readonly [number, number, number, number]
}

const FORMAT = 'bboxes-format:xyxysc'

/**
 * Reads the output that is called `bboxes-format:xyxysc;0:cat;1:dog`: rows of x1, y1, x2, y2, score and class, with the
 * names of the classes in its own name. Boxes come as parts of the picture or in pixels of the model's image.
 */
export function readDetections(outputs: Outputs, { width, height }: ImageSize): Detection[] {
  const name = Object.keys(outputs).find((key) => key.startsWith(FORMAT))
  const data = name === undefined ? undefined : outputs[name]?.data
  if (name === undefined || !(data instanceof Float32Array)) {
    throw new Error(
      `the model has no float32 output '${FORMAT};...', only ${Object.keys(outputs).join(', ')}`,
    )
  }
  const labels = readLabels(name)
  const rows = Array.from({ length: data.length / 6 }, (_, i) => [...data.subarray(i * 6, i * 6 + 6)] as Row)
  const inPixels = rows.some(([x1, y1, x2, y2]) => Math.max(x1, y1, x2, y2) > 2)
  const [right, bottom] = inPixels ? [width, height] : [1, 1]
  return rows
    .filter(([, , , , score]) => score > 0) // Some models fill up a fixed number of rows with zeros.
    .map(([x1, y1, x2, y2, score, label]) => ({
      label: labels.get(label) ?? `class ${label}`,
      score,
      box: [x1 / right, y1 / bottom, x2 / right, y2 / bottom],
    }))
}

type Row = [x1: number, y1: number, x2: number, y2: number, score: number, label: number]

function readLabels(output: string): Map<number, string> {
  const entries = output.slice(FORMAT.length + 1).split(';')
  return new Map(
    entries.map((entry) => [Number.parseInt(entry, 10), entry.slice(entry.indexOf(':') + 1)] as const),
  )
}
