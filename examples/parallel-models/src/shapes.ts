/** The things that a scene shows and the models know. Each is drawn upright, in a circle of radius 1 around 0, 0. */
export interface Shape {
  /** Whether a point belongs to the shape; `y` points down. */
  readonly covers: (x: number, y: number) => boolean
  /** The same outline as SVG. */
  readonly svg: string
}

const HALF_SQUARE = Math.SQRT1_2
const HALF_ARM = 0.3
const ARM = Math.sqrt(1 - HALF_ARM ** 2)
const TRIANGLE_BASE = Math.sqrt(0.75)
const EYE = { x: 0.38, y: -0.3, radius: 0.18 }
const MOUTH = { y: 0.15, radius: 0.55 }

const isEye = (x: number, y: number) => Math.hypot(Math.abs(x) - EYE.x, y - EYE.y) < EYE.radius
const isMouth = (x: number, y: number) => y > MOUTH.y && Math.hypot(x, y - MOUTH.y) < MOUTH.radius

export const SHAPES = {
  disc: {
    covers: (x, y) => Math.hypot(x, y) < 1,
    svg: '<circle r="1"/>',
  },
  square: {
    covers: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < HALF_SQUARE,
    svg: `<path d="M-${HALF_SQUARE},-${HALF_SQUARE}H${HALF_SQUARE}V${HALF_SQUARE}H-${HALF_SQUARE}Z"/>`,
  },
  triangle: {
    covers: (x, y) => y < 0.5 && y > Math.abs(x) * Math.sqrt(3) - 1,
    svg: `<path d="M0,-1L${TRIANGLE_BASE},0.5H-${TRIANGLE_BASE}Z"/>`,
  },
  cross: {
    covers: (x, y) =>
      Math.min(Math.abs(x), Math.abs(y)) < HALF_ARM && Math.max(Math.abs(x), Math.abs(y)) < ARM,
    svg: `<path stroke-width="${2 * HALF_ARM}" d="M-${ARM},0H${ARM}M0,-${ARM}V${ARM}" />`,
  },
  face: {
    covers: (x, y) => Math.hypot(x, y) < 1 && !isEye(x, y) && !isMouth(x, y),
    svg:
      '<circle r="1"/><g fill="#2a2320" stroke="none">' +
      `<circle cx="-${EYE.x}" cy="${EYE.y}" r="${EYE.radius}"/><circle cx="${EYE.x}" cy="${EYE.y}" r="${EYE.radius}"/>` +
      `<path d="M-${MOUTH.radius},${MOUTH.y}A${MOUTH.radius},${MOUTH.radius} 0 0 0 ${MOUTH.radius},${MOUTH.y}Z"/></g>`,
  },
} satisfies Record<string, Shape>

export type ShapeName = keyof typeof SHAPES

/** Sides of the smallest box around a shape of radius 1. */
export const BOXES: Readonly<Record<ShapeName, readonly [number, number, number, number]>> = {
  disc: [-1, -1, 1, 1],
  square: [-HALF_SQUARE, -HALF_SQUARE, HALF_SQUARE, HALF_SQUARE],
  triangle: [-TRIANGLE_BASE, -1, TRIANGLE_BASE, 0.5],
  cross: [-ARM, -ARM, ARM, ARM],
  face: [-1, -1, 1, 1],
}
