import { tensor } from '@xpu-hal/core'
import type { OnnxModel, OnnxValue } from '@xpu-hal/onnx'
import type { ShapeName } from '../shapes.js'
import { GraphBuilder } from './graph.js'
import { TEMPLATE_CELLS, TEMPLATE_REACH, templateOf } from './templates.js'

export interface ShapeFinderOptions {
  readonly name: string
  readonly width: number
  readonly height: number
  /** `NCHW`: planes of red, green and blue; `NHWC`: pixels. */
  readonly layout: 'NCHW' | 'NHWC'
  /** How much an input value grows when a byte of the picture grows by one. */
  readonly scale: number
  /** What the model reports, in the order of its classes. */
  readonly classes: readonly ShapeName[]
  /** What it must know to tell it from its classes, but does not report. */
  readonly others: readonly ShapeName[]
  /** Whether it has the input `mask-`. */
  readonly mask: boolean
}

// Difference between the largest and the smallest of red, green and blue, in steps of a byte: below the first a pixel
// is background, above the second it is part of an object.
const GREY = 60
const COLOURED = 100

// Sides of the cells, in pixels, over which a picture is searched, and the circular window that is moved over them.
const CELLS = [4, 5, 6, 7, 8, 9, 10]
const WINDOW = 13
const RADIUS = WINDOW / 2

const CANDIDATES = 96
const SCORE_THRESHOLD = 0.8
const EPSILON = 1e-6

const float = (shape: readonly number[], data: readonly number[]) => tensor('float32', shape, data)
const scalar = (value: number) => float([], [value])
const int64 = (...values: number[]) => tensor('int64', [values.length], values.map(BigInt))
const ints = (...values: number[]) => ({ ints: values })
const int = (value: number) => ({ int: value })

/**
 * A detector of coloured shapes whose weights are matched filters.
 *
 * 1. A pixel is evidence of an object as far as it has a colour; greys have none.
 * 2. For seven sizes, a circular window moves over the evidence. Four filters give what is inside (mass and centre of
 *    gravity) and what lies on its rim. Where the rim is empty and the centre of gravity in the middle, the window holds
 *    one whole object: a candidate, whose area and centre are now known.
 * 3. RoiAlign cuts the candidates out, scaled to equal area, and each is compared with a template of every shape.
 * 4. The best shape gives class, score and box, and NonMaxSuppression removes the candidates that the same object had
 *    at other sizes.
 */
export function shapeFinder(options: ShapeFinderOptions): OnnxModel {
  const graph = new GraphBuilder()
  const { width, height, classes } = options
  const evidence = addEvidence(graph, options)
  const candidates = addCandidates(graph, evidence, options)
  const rows = addClassification(graph, evidence, candidates, options)
  const image = options.layout === 'NCHW' ? [1, 3, height, width] : [1, height, width, 3]
  const inputs: OnnxValue[] = [
    { name: 'image-', dataType: 'float32', shape: image },
    { name: 'nms_sensitivity-', dataType: 'float32', shape: [1] },
  ]
  if (options.mask) inputs.push({ name: 'mask-', dataType: 'bool', shape: [height, width] })
  const legend = classes.map((shape, i) => `${i}:${shape}`).join(';')
  const output = { name: `bboxes-format:xyxysc;${legend}`, dataType: 'float32', shape: ['n', 6] } as const
  return {
    graph: graph.build(options.name, inputs, rows, output),
    opset: 17,
    producer: 'XPU HAL parallel-models example',
  }
}

/** [1, 1, height, width], 0 to 1: how surely each pixel belongs to an object. */
function addEvidence(
  graph: GraphBuilder,
  { width, height, layout, scale, mask }: ShapeFinderOptions,
): string {
  const planes = layout === 'NCHW' ? 'image-' : graph.add('Transpose', ['image-'], { perm: ints(0, 3, 1, 2) })
  const binomial = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((weight) => weight / 16)
  const kernel = float([3, 1, 3, 3], [...binomial, ...binomial, ...binomial])
  const smooth = graph.add('Conv', [planes, kernel], { group: int(3), pads: ints(1, 1, 1, 1) })
  const brightest = graph.add('ReduceMax', [smooth], { axes: ints(1) })
  const darkest = graph.add('ReduceMin', [smooth], { axes: ints(1) })
  const colour = graph.add('Sub', [brightest, darkest])
  const range = COLOURED - GREY
  const evidence = graph.add('HardSigmoid', [colour], {
    alpha: { float: 1 / (range * scale) },
    beta: { float: -GREY / range },
  })
  if (!mask) return evidence
  const allowed = graph.add('Cast', ['mask-'], { to: int(1) })
  return graph.add('Mul', [evidence, graph.add('Reshape', [allowed, int64(1, 1, height, width)])])
}

interface Candidates {
  /** [CANDIDATES, 1], in pixels: centre of gravity, and root of the area. */
  readonly x: string
  readonly y: string
  readonly size: string
}

function addCandidates(
  graph: GraphBuilder,
  evidence: string,
  { width, height }: ShapeFinderOptions,
): Candidates {
  const grids = CELLS.map((cell) => ({
    cell,
    columns: Math.ceil(width / cell),
    rows: Math.ceil(height / cell),
  }))
  const kernel = windowFilters()
  const found = grids.map(({ cell, columns, rows }) => {
    const means = graph.add('AveragePool', [evidence], {
      kernel_shape: ints(cell, cell),
      strides: ints(cell, cell),
      pads: ints(0, 0, rows * cell - height, columns * cell - width),
      count_include_pad: int(1),
    })
    const half = (WINDOW - 1) / 2
    const sums = graph.add('Conv', [means, kernel], { pads: ints(half, half, half, half) })
    return graph.add('Reshape', [sums, int64(4, -1)])
  })
  const [mass, rim, sumX, sumY] = graph.addMany('Split', [graph.add('Concat', found, { axis: int(1) })], 4, {
    axis: int(0),
  }) as [string, string, string, string]
  const solid = graph.add('Add', [mass, scalar(EPSILON)])
  const offsetX = graph.add('Div', [sumX, solid])
  const offsetY = graph.add('Div', [sumY, solid])

  // Each factor falls from 1 to 0: rim from 0 to 4 % of the mass, centre from 0.5 to 0.7 cells off, mass from 8 to 6.
  const emptyRim = graph.add('HardSigmoid', [graph.add('Div', [rim, solid])], {
    alpha: { float: -25 },
    beta: { float: 1 },
  })
  const offset = graph.add('Max', [graph.add('Abs', [offsetX]), graph.add('Abs', [offsetY])])
  const centred = graph.add('HardSigmoid', [offset], { alpha: { float: -5 }, beta: { float: 3.5 } })
  const large = graph.add('HardSigmoid', [mass], { alpha: { float: 0.5 }, beta: { float: -3 } })
  const quality = graph.add('Mul', [graph.add('Mul', [emptyRim, centred]), large])

  const best = graph.addMany(
    'TopK',
    [graph.add('Reshape', [quality, int64(-1)]), int64(CANDIDATES)],
    2,
  )[1] as string
  const cells = grids.flatMap(({ cell, columns, rows }) =>
    Array.from({ length: rows * columns }, (_, i) => ({
      cell,
      x: ((i % columns) + 0.5) * cell,
      y: (Math.floor(i / columns) + 0.5) * cell,
    })),
  )
  const pick = (values: string | readonly number[]) => {
    const input =
      typeof values === 'string' ? graph.add('Reshape', [values, int64(-1)]) : float([values.length], values)
    return graph.add('Reshape', [graph.add('Gather', [input, best]), int64(CANDIDATES, 1)])
  }
  const cell = pick(cells.map((entry) => entry.cell))
  const centre = (offsets: string, positions: readonly number[]) =>
    graph.add('Add', [pick(positions), graph.add('Mul', [pick(offsets), cell])])
  return {
    x: centre(
      offsetX,
      cells.map((entry) => entry.x),
    ),
    y: centre(
      offsetY,
      cells.map((entry) => entry.y),
    ),
    size: graph.add('Mul', [graph.add('Sqrt', [pick(mass)]), cell]),
  }
}

/** Sums over the window: everything, its rim, and everything times its distance from the middle in x and in y. */
function windowFilters() {
  const reach = Array.from({ length: WINDOW }, (_, i) => i - (WINDOW - 1) / 2)
  const points = reach.flatMap((y) => reach.map((x) => ({ x, y, distance: Math.hypot(x, y) })))
  const inside = points.map(({ distance }) => (distance <= RADIUS ? 1 : 0))
  const rim = points.map(({ distance }) => (distance <= RADIUS && distance > RADIUS - 1 ? 1 : 0))
  const momentX = points.map(({ x }, i) => x * (inside[i] ?? 0))
  const momentY = points.map(({ y }, i) => y * (inside[i] ?? 0))
  return float([4, 1, WINDOW, WINDOW], [...inside, ...rim, ...momentX, ...momentY])
}

/** [n, 6]: x1 y1 x2 y2 as parts of the picture, score, class. */
function addClassification(
  graph: GraphBuilder,
  evidence: string,
  { x, y, size }: Candidates,
  { width, height, classes, others }: ShapeFinderOptions,
): string {
  const templates = [...classes, ...others].map(templateOf)
  const reach = graph.add('Mul', [size, scalar(TEMPLATE_REACH)])
  const centre = graph.add('Concat', [x, y, x, y], { axis: int(1) })
  const sides = graph.add('Mul', [reach, float([1, 4], [-1, -1, 1, 1])])
  const patches = graph.add(
    'RoiAlign',
    [evidence, graph.add('Add', [centre, sides]), int64(...Array(CANDIDATES).fill(0))],
    { output_height: int(TEMPLATE_CELLS), output_width: int(TEMPLATE_CELLS), sampling_ratio: int(2) },
  )
  const patch = graph.add('Reshape', [patches, int64(CANDIDATES, -1)])

  // Likeness of two pictures a and b: a*b / (a*a + b*b - a*b), which is 1 for equal ones.
  const length = TEMPLATE_CELLS ** 2
  const pixels = Array.from({ length }, (_, i) => templates.map(({ coverage }) => coverage[i] ?? 0)).flat()
  const squares = templates.map(({ coverage }) => coverage.reduce((sum, value) => sum + value * value, 0))
  const product = graph.add('MatMul', [patch, float([length, templates.length], pixels)])
  const ownSquare = graph.add('ReduceSumSquare', [patch], { axes: ints(1) })
  const both = graph.add('Add', [ownSquare, float([1, templates.length], squares)])
  const likeness = graph.add('Div', [product, graph.add('Sub', [both, product])])
  const best = graph.add('ArgMax', [likeness], { axis: int(1), keepdims: int(0) })
  const reported = float(
    [templates.length, 1],
    templates.map((_, i) => (i < classes.length ? 1 : 0)),
  )
  const score = graph.add('Mul', [
    graph.add('ReduceMax', [likeness], { axes: ints(1) }),
    graph.add('Gather', [reported, best]),
  ])

  const shapeBox = graph.add('Gather', [
    float(
      [templates.length, 4],
      templates.flatMap(({ box }) => box),
    ),
    best,
  ])
  const pixelBox = graph.add('Add', [graph.add('Mul', [shapeBox, size]), centre])
  const box = graph.add('Div', [pixelBox, float([1, 4], [width, height, width, height])])
  const kept = graph.add('NonMaxSuppression', [
    graph.add('Reshape', [box, int64(1, CANDIDATES, 4)]),
    graph.add('Reshape', [score, int64(1, 1, CANDIDATES)]),
    int64(CANDIDATES),
    'nms_sensitivity-',
    float([1], [SCORE_THRESHOLD]),
  ])
  const index = graph.add('Gather', [kept, tensor('int64', [], [2n])], { axis: int(1) })
  const label = graph.add('Reshape', [graph.add('Cast', [best], { to: int(1) }), int64(CANDIDATES, 1)])
  return graph.add('Gather', [graph.add('Concat', [box, score, label], { axis: int(1) }), index])
}
