import type { ShapeName } from '../shapes.js'

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
