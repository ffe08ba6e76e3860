import { BOXES, SHAPES, type ShapeName } from '../shapes.js'

/** Cells along a side of a template, and how far it reaches from the centre in units of the root of the shape's area. */
export const TEMPLATE_CELLS = 20
export const TEMPLATE_REACH = 0.98

/** What a shape looks like when its area is 1 and its centre of gravity is at 0, 0. */
export interface Template {
  /** Share of each cell that the shape covers, row by row. */
  readonly coverage: readonly number[]
  /** x1 y1 x2 y2 of the box around it. */
  readonly box: readonly number[]
}

export function templateOf(shape: ShapeName): Template {
  const covers: (x: number, y: number) => boolean = SHAPES[shape].covers
  const fine = samples(-1, 1, 400)
  let count = 0
  let sumX = 0
  let sumY = 0
  for (const y of fine) {
    for (const x of fine) {
      if (!covers(x, y)) continue
      count += 1
      sumX += x
      sumY += y
    }
  }
  const [centreX, centreY] = [sumX / count, sumY / count]
  const unit = Math.sqrt((count * 4) / fine.length ** 2)
  const cells = samples(-TEMPLATE_REACH, TEMPLATE_REACH, TEMPLATE_CELLS)
  const halfCell = TEMPLATE_REACH / TEMPLATE_CELLS
  const within = samples(-halfCell, halfCell, 8)
  const share = (x: number, y: number) => {
    const hits = within.flatMap((dy) =>
      within.filter((dx) => covers((x + dx) * unit + centreX, (y + dy) * unit + centreY)),
    )
    return hits.length / within.length ** 2
  }
  return {
    coverage: cells.flatMap((y) => cells.map((x) => share(x, y))),
    box: BOXES[shape].map((side, i) => (side - (i % 2 === 0 ? centreX : centreY)) / unit),
  }
}

/** The middles of `count` equal parts of a range. */
function samples(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + ((i + 0.5) * (to - from)) / count)
}
