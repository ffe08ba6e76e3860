import { tensor } from '@xpu-hal/core'
import { CANDIDATES, type Candidates } from './candidates.js'
import type { GraphBuilder } from './graph.js'
import type { ShapeFinderOptions } from './options.js'
import { TEMPLATE_CELLS, TEMPLATE_REACH, type Template, templateOf } from './templates.js'
import { float, int, int64, ints, scalar } from './values.js'

const SCORE_THRESHOLD = 0.8

/** [n, 6]: x1 y1 x2 y2 as parts of the picture, score, class. */
export function addClassification(
  graph: GraphBuilder,
  evidence: string,
  { x, y, size }: Candidates,
  { width, height, classes, others }: ShapeFinderOptions,
): string {
  const templates = [...classes, ...others].map(templateOf)
  const centre = graph.add('Concat', [x, y, x, y], { axis: int(1) })
  const likeness = addLikeness(graph, evidence, centre, size, templates)
  const best = graph.add('ArgMax', [likeness], { axis: int(1), keepdims: int(0) })

  const isReported = templates.map((_, i) => (i < classes.length ? 1 : 0))
  const reported = graph.add('Gather', [float([templates.length, 1], isReported), best])
  const score = graph.add('Mul', [graph.add('ReduceMax', [likeness], { axes: ints(1) }), reported])
  const boxes = float(
    [templates.length, 4],
    templates.flatMap(({ box }) => box),
  )
  const pixels = graph.add('Add', [centre, graph.add('Mul', [graph.add('Gather', [boxes, best]), size])])
  const box = graph.add('Div', [pixels, float([1, 4], [width, height, width, height])])

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

/**
 * [CANDIDATES, shapes]: how much each candidate is like each shape. For two pictures a and b that is
 * ab / (aa + bb - ab), products summed over their cells: 1 when they are equal, 0 when they share nothing.
 */
function addLikeness(
  graph: GraphBuilder,
  evidence: string,
  centre: string,
  size: string,
  templates: readonly Template[],
): string {
  const reach = graph.add('Mul', [size, scalar(TEMPLATE_REACH)])
  const sides = graph.add('Mul', [reach, float([1, 4], [-1, -1, 1, 1])])
  const regions = graph.add('Add', [centre, sides])
  const batch = tensor('int64', [CANDIDATES])
  const cut = graph.add('RoiAlign', [evidence, regions, batch], {
    output_height: int(TEMPLATE_CELLS),
    output_width: int(TEMPLATE_CELLS),
    sampling_ratio: int(2),
  })
  const a = graph.add('Reshape', [cut, int64(CANDIDATES, -1)])

  const cells = TEMPLATE_CELLS ** 2
  const columns = Array.from({ length: cells }, (_, i) => templates.map(({ coverage }) => coverage[i] ?? 0))
  const bb = templates.map(({ coverage }) => coverage.reduce((sum, share) => sum + share * share, 0))
  const ab = graph.add('MatMul', [a, float([cells, templates.length], columns.flat())])
  const aa = graph.add('ReduceSumSquare', [a], { axes: ints(1) })
  const both = graph.add('Add', [aa, float([1, templates.length], bb)])
  return graph.add('Div', [ab, graph.add('Sub', [both, ab])])
}
