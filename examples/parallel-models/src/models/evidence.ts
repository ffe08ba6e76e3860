import type { GraphBuilder } from './graph.js'
import type { ShapeFinderOptions } from './options.js'
import { float, int, int64, ints } from './values.js'

// Difference between the largest and the smallest of red, green and blue, as bytes: up to the first a pixel is
// background, from the second on it is part of an object.
const GREY = 60
const COLOURED = 100

/** [1, 1, height, width], 0 to 1: how surely each pixel belongs to an object. */
export function addEvidence(
  graph: GraphBuilder,
  { width, height, layout, scale, mask }: ShapeFinderOptions,
): string {
  const planes = layout === 'NCHW' ? 'image-' : graph.add('Transpose', ['image-'], { perm: ints(0, 3, 1, 2) })
  const binomial = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((weight) => weight / 16)
  const kernel = float([3, 1, 3, 3], [...binomial, ...binomial, ...binomial])
  const smooth = graph.add('Conv', [planes, kernel], { group: int(3), pads: ints(1, 1, 1, 1) })

  const largest = graph.add('ReduceMax', [smooth], { axes: ints(1) })
  const smallest = graph.add('ReduceMin', [smooth], { axes: ints(1) })
  const range = COLOURED - GREY
  const evidence = graph.add('HardSigmoid', [graph.add('Sub', [largest, smallest])], {
    alpha: { float: 1 / (range * scale) },
    beta: { float: -GREY / range },
  })
  if (!mask) return evidence
  const allowed = graph.add('Cast', ['mask-'], { to: int(1) })
  return graph.add('Mul', [evidence, graph.add('Reshape', [allowed, int64(1, 1, height, width)])])
}
