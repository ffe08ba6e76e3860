import sharp from 'sharp'
import { BOXES, SHAPES, type ShapeName } from './shapes.js'

export const SCENE = {
  width: 640,
  height: 480,
  /** Pixels from the centre of an object to its farthest point. */
  radius: { min: 30, max: 84 },
  /** Distance between the circles around two objects, in radii of the larger. */
  gap: 0.7,
  objects: { min: 4, max: 9 },
  /** Standard deviation of the noise on every value of every pixel, which has 256 steps. */
  noise: { min: 0, max: 9 },
} as const

export interface SceneObject {
  readonly shape: ShapeName
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly colour: string
}

/** Objects on a background, drawn from a seed: the same seed gives the same scene. */
export interface Scene {
  readonly objects: readonly SceneObject[]
  readonly background: string
  readonly noise: number
  readonly seed: number
}

/** Random numbers from 0 to 1: the generator known as mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function drawLots(seed: number): Scene {
  const random = randomFrom(seed)
  const between = (min: number, max: number) => min + random() * (max - min)
  const names = Object.keys(SHAPES) as ShapeName[]
  const wanted = Math.round(between(SCENE.objects.min, SCENE.objects.max))
  const objects: SceneObject[] = []
  for (let attempt = 0; attempt < 500 && objects.length < wanted; attempt++) {
    const shape = names[Math.floor(random() * names.length)] ?? 'disc'
    const radius = between(SCENE.radius.min, SCENE.radius.max)
    const x = between(radius + 4, SCENE.width - radius - 4)
    const y = between(radius + 4, SCENE.height - radius - 4)
    const hue = Math.round(shape === 'face' ? between(38, 52) : between(0, 360))
    const colour = `hsl(${hue}, ${Math.round(between(65, 95))}%, ${Math.round(between(45, 60))}%)`
    if (objects.every((other) => isApart(other, { x, y, radius }))) {
      objects.push({ shape, x, y, radius, colour })
    }
  }
  const muted = () =>
    `hsl(${Math.round(between(0, 360))}, ${Math.round(between(0, 14))}%, ${Math.round(between(12, 88))}%)`
  const angle = Math.round(between(0, 360))
  const blots = Array.from({ length: 6 }, () => {
    const radius = between(40, 200)
    const centre = `cx="${between(0, SCENE.width).toFixed(1)}" cy="${between(0, SCENE.height).toFixed(1)}"`
    return `<circle ${centre} r="${radius.toFixed(1)}" fill="${muted()}" opacity="${between(0.2, 0.8).toFixed(2)}"/>`
  })
  const background =
    `<defs><linearGradient id="g" gradientTransform="rotate(${angle} 0.5 0.5)"><stop stop-color="${muted()}"/>` +
    `<stop offset="1" stop-color="${muted()}"/></linearGradient></defs>` +
    `<rect width="100%" height="100%" fill="url(#g)"/>${blots.join('')}`
  return { objects, background, noise: between(SCENE.noise.min, SCENE.noise.max), seed }
}

function isApart(a: Pick<SceneObject, 'x' | 'y' | 'radius'>, b: typeof a): boolean {
  const gap = SCENE.gap * Math.max(a.radius, b.radius)
  return Math.hypot(a.x - b.x, a.y - b.y) > a.radius + b.radius + gap
}

/** Where an object is: x1 y1 x2 y2 as parts of the picture. */
export function boxOf({ shape, x, y, radius }: SceneObject): [number, number, number, number] {
  const [x1, y1, x2, y2] = BOXES[shape]
  const { width, height } = SCENE
  return [
    (x + x1 * radius) / width,
    (y + y1 * radius) / height,
    (x + x2 * radius) / width,
    (y + y2 * radius) / height,
  ]
}

/** The scene as a picture, JPEG of good quality. */
export async function paint({ objects, background, noise, seed }: Scene): Promise<Buffer> {
  const figures = objects.map(
    ({ shape, x, y, radius, colour }) =>
      `<g transform="translate(${x} ${y}) scale(${radius})" fill="${colour}" stroke="${colour}" stroke-width="0">${SHAPES[shape].svg}</g>`,
  )
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SCENE.width}" height="${SCENE.height}">${background}${figures.join('')}</svg>`
  const { data, info } = await sharp(Buffer.from(svg))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  const random = randomFrom(~seed)
  // Three times the mean of four uniform numbers comes close enough to a normal distribution of deviation 1.
  const normal = () => (random() + random() + random() + random() - 2) * Math.sqrt(3)
  for (let i = 0; i < data.length; i++)
    data[i] = Math.max(0, Math.min(255, (data[i] ?? 0) + noise * normal()))
  return sharp(data, { raw: info }).jpeg({ quality: 92 }).toBuffer()
}
