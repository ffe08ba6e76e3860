/** Pixels along each side of a picture. */
export const SIDE = 16
export const PIXELS = SIDE * SIDE

/** The seven segments of a display as rectangles of pixels: x, y, width, height. */
const SEGMENTS = [
  [4, 1, 8, 2],
  [11, 2, 2, 6],
  [11, 8, 2, 6],
  [4, 13, 8, 2],
  [3, 8, 2, 6],
  [3, 2, 2, 6],
  [4, 7, 8, 2],
] as const

/** Which segments each digit lights, in that order. */
export const DIGITS: readonly string[] = [
  '1111110',
  '0110000',
  '1101101',
  '1111001',
  '0110011',
  '1011011',
  '1011111',
  '1110000',
  '1111111',
  '1111011',
]

/** 1 for the pixels of a segment, 0 for the others; row by row. */
export function segmentMask(segment: number): number[] {
  const [left = 0, top = 0, width = 0, height = 0] = SEGMENTS[segment] ?? []
  return Array.from({ length: PIXELS }, (_, i) => {
    const [x, y] = [(i % SIDE) - left, Math.floor(i / SIDE) - top]
    return x >= 0 && x < width && y >= 0 && y < height ? 1 : 0
  })
}

export const SEGMENT_COUNT = SEGMENTS.length

/** A picture of a digit, up to a pixel off its place and noisy: bytes, row by row. A seed always gives the same. */
export function drawDigit(digit: number, seed: number): Uint8Array {
  const random = randomFrom(seed)
  return draw(digit, Math.floor(9 * random()), random)
}

/** Samples of a digit for a model: nine of them show it in every place where it may be. */
export function drawSample(digit: number, number: number): Uint8Array {
  return draw(digit, number % 9, randomFrom(-1 - number))
}

/** @param place 0 to 8: left, middle or right of the top, the middle and the bottom, a pixel apart */
function draw(digit: number, place: number, random: () => number): Uint8Array {
  const [dx, dy] = [(place % 3) - 1, Math.floor(place / 3) - 1]
  const lit = [...(DIGITS[digit] ?? '')].flatMap((on, i) => (on === '1' ? [segmentMask(i)] : []))
  return Uint8Array.from({ length: PIXELS }, (_, i) => {
    const [x, y] = [(i % SIDE) - dx, Math.floor(i / SIDE) - dy]
    const inside = x >= 0 && x < SIDE && y >= 0 && y < SIDE
    const on = inside && lit.some((mask) => mask[y * SIDE + x] === 1)
    return (on ? 150 : 30) + 75 * random()
  })
}

/** Random numbers from 0 to 1: the generator known as mulberry32. */
function randomFrom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
