import type { OnnxModel, OnnxValue } from '@xpu-hal/onnx'
import { addCandidates } from './candidates.js'
import { addClassification } from './classification.js'
import { addEvidence } from './evidence.js'
import { GraphBuilder } from './graph.js'
import type { ShapeFinderOptions } from './options.js'

/**
 * A detector of coloured shapes, upright and apart from each other, whose weights are matched filters.
 *
 * 1. Evidence: a pixel belongs to an object as far as it has a colour; greys do not.
 * 2. Candidates: a round window of seven sizes moves over the evidence. Where its rim is empty and the centre of gravity
 *    in its middle, it holds one whole object, whose area and centre are then known.
 * 3. Classification: the candidates, scaled to equal area, are compared with a template of every shape. The best one
 *    gives class, score and box, and NonMaxSuppression keeps one of the candidates that an object had at several sizes.
 */
export function shapeFinder(options: ShapeFinderOptions): OnnxModel {
  const { name, width, height, layout, mask, classes } = options
  const graph = new GraphBuilder()
  const evidence = addEvidence(graph, options)
  const candidates = addCandidates(graph, evidence, options)
  const rows = addClassification(graph, evidence, candidates, options)

  const inputs: OnnxValue[] = [
    {
      name: 'image-',
      dataType: 'float32',
      shape: layout === 'NCHW' ? [1, 3, height, width] : [1, height, width, 3],
    },
    { name: 'nms_sensitivity-', dataType: 'float32', shape: [1] },
  ]
  if (mask) inputs.push({ name: 'mask-', dataType: 'bool', shape: [height, width] })
  const labels = classes.map((shape, i) => `${i}:${shape}`).join(';')
  const output = { name: `bboxes-format:xyxysc;${labels}`, dataType: 'float32', shape: ['n', 6] } as const
  return { graph: graph.build(name, inputs, rows, output), opset: 17, producer: 'XPU HAL, parallel-models' }
}
