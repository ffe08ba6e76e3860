import type { OnnxModel } from '@xpu-hal/onnx'
import { shapeFinder } from './shape-finder.js'

/**
 * Finds objects of four classes, and knows that a face is none of them. Pixels are 0 to 255, red, green and blue of one
 * after the other. `mask-` is true where objects count.
 */
export function objectDetector(): OnnxModel {
  return shapeFinder({
    name: 'object-detector',
    width: 320,
    height: 240,
    layout: 'NHWC',
    scale: 1,
    classes: ['disc', 'square', 'triangle', 'cross'],
    others: ['face'],
    mask: true,
  })
}
