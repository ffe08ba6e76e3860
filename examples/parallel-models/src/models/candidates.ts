import type { GraphBuilder } from './graph.js'
import type { ShapeFinderOptions } from './options.js'
import { float, int, int64, ints, scalar } from './values.js'

/** What may be an object: [CANDIDATES, 1] each, in pixels. */
export interface Candidates {
  /** Centre of gravity. */
  readonly x: string
  readonly y: string
  /** Root of the area. */
  readonly size: string
}

export const CANDIDATES = 96

// The window is 13 cells wide; the cells are squares with these sides in pixels.
const CELLS = [4, 5, 6, 7, 8, 9, 10]
const WINDOW = 13
const RADIUS = WINDOW / 2

/** The windows that hold one whole object, as many as there is room for. */
export function addCandidates(
  graph: GraphBuilder,
  evidence: string,
  { width, height }: ShapeFinderOptions,
): Candidates {
  const grids = CELLS.map((cell) => ({
    cell,
    columns: Math.ceil(width / cell),
    rows: Math.ceil(height / cell),
  }))
  const filters = windowFilters()
  const sums = grids.map(({ cell, columns, rows }) => {
    const means = graph.add('AveragePool', [evidence], {
      kernel_shape: ints(cell, cell),
      strides: ints(cell, cell),
      pads: ints(0, 0, rows * cell - height, columns * cell - width),
      count_include_pad: int(1),
    })
    const edge = (WINDOW - 1) / 2
    const answers = graph.add('Conv', [means, filters], { pads: ints(edge, edge, edge, edge) })
    return graph.add('Reshape', [answers, int64(4, -1)])
  })
  const all = graph.add('Concat', sums, { axis: int(1) })
  const [mass = '', rim = '', sumX = '', sumY = ''] = graph.addMany('Split', [all], 4, { axis: int(0) })
  const divisor = graph.add('Add', [mass, scalar(1e-6)])
  const offsetX = graph.add('Div', [sumX, divisor])
  const offsetY = graph.add('Div', [sumY, divisor])
  const rimShare = graph.add('Div', [rim, divisor])

  const best = addChoice(graph, mass, rimShare, offsetX, offsetY)
  const pick = (values: string | readonly number[]) => {
    const row =
      typeof values === 'string' ? graph.add('Reshape', [values, int64(-1)]) : float([values.length], values)
    return graph.add('Reshape', [graph.add('Gather', [row, best]), int64(CANDIDATES, 1)])
  }
  const windows = grids.flatMap(({ cell, columns, rows }) =>
    Array.from({ length: rows * columns }, (_, i) => ({
      cell,
      x: ((i % columns) + 0.5) * cell,
      y: (Math.floor(i / columns) + 0.5) * cell,
    })),
  )
  const cell = pick(windows.map((window) => window.cell))
  const middleX = pick(windows.map((window) => window.x))
  const middleY = pick(windows.map((window) => window.y))
  return {
    x: graph.add('Add', [middleX, graph.add('Mul', [pick(offsetX), cell])]),
    y: graph.add('Add', [middleY, graph.add('Mul', [pick(offsetY), cell])]),
    size: graph.add('Mul', [graph.add('Sqrt', [pick(mass)]), cell]),
  }
}

/** Sums over a window: everything, its rim, and everything times its distance from the middle in x and in y. */
function windowFilters() {
  const reach = Array.from({ length: WINDOW }, (_, i) => i - (WINDOW - 1) / 2)
  const cells = reach.flatMap((y) => reach.map((x) => ({ x, y, distance: Math.hypot(x, y) })))
  const mass = cells.map(({ distance }) => (distance <= RADIUS ? 1 : 0))
  const rim = cells.map(({ distance }) => (distance <= RADIUS && distance > RADIUS - 1 ? 1 : 0))
  const sumX = cells.map(({ x }, i) => x * (mass[i] ?? 0))
  const sumY = cells.map(({ y }, i) => y * (mass[i] ?? 0))
  return float([4, 1, WINDOW, WINDOW], [...mass, ...rim, ...sumX, ...sumY])
}

/** Positions of the best windows. Each factor of their quality falls from 1 to 0. */
function addChoice(
  graph: GraphBuilder,
  mass: string,
  rimShare: string,
  offsetX: string,
  offsetY: string,
): string {
  const offset = graph.add('Max', [graph.add('Abs', [offsetX]), graph.add('Abs', [offsetY])])
  const falling = (value: string, one: number, zero: number) =>
    graph.add('HardSigmoid', [value], {
      alpha: { float: 1 / (one - zero) },
      beta: { float: zero / (zero - one) },
    })
  const emptyRim = falling(rimShare, 0, 0.04)
  const centred = falling(offset, 0.5, 0.7)
  const large = falling(mass, 8, 6)
  const quality = graph.add('Mul', [graph.add('Mul', [emptyRim, centred]), large])
  const row = graph.add('Reshape', [quality, int64(-1)])
  const [, positions = ''] = graph.addMany('TopK', [row, int64(CANDIDATES)], 2)
  return positions
}
