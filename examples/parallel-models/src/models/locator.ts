import type { OnnxModel } from '@xpu-hal/onnx'
import { shapeFinder } from './shape-finder.js'

/** Finds faces and nothing else. Pixels are (value - 127) / 128, as planes of red, green and blue. */
export function faceLocator(): OnnxModel {
  return shapeFinder({
    name: 'face-locator',
    width: 320,
    height: 240,
    layout: 'NCHW',
    scale: 1 / 128,
    classes: ['face'],
    others: ['disc', 'square', 'triangle', 'cross'],
    mask: false,
  })
}
