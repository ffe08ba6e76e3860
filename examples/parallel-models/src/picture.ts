import type { Tensor } from '@xpu-hal/core'
import sharp from 'sharp'

/** What a model expects of a pixel: `(value - mean) / scale` for values from 0 to 255. */
export interface PixelFormat {
  readonly mean: number
  readonly scale: number
}

export interface ImageSize {
  readonly width: number
  readonly height: number
  /** Red, green and blue in planes of their own (NCHW), or side by side in each pixel (NHWC). */
  readonly planar: boolean
}

/** Reads the size and the layout of a picture from the shape of a model's input. */
export function imageSize(shape: readonly number[]): ImageSize {
  const [batch, a = 0, b = 0, c = 0] = shape
  if (shape.length === 4 && batch === 1 && a === 3) return { width: c, height: b, planar: true }
  if (shape.length === 4 && batch === 1 && c === 3) return { width: b, height: a, planar: false }
  throw new Error(
    `the model's image is [${shape.join(', ')}]; [1, 3, height, width] or [1, height, width, 3] is needed`,
  )
}

/** Fills a model's input with a picture, stretched to its size. */
export async function fillImage(
  { shape, data }: Tensor<'float32'>,
  picture: string | Uint8Array,
  { mean, scale }: PixelFormat,
): Promise<void> {
  const { width, height, planar } = imageSize(shape)
  const pixels = await openPicture(picture).resize(width, height, { fit: 'fill' }).raw().toBuffer()
  const area = width * height
  pixels.forEach((value, i) => {
    const at = planar ? (i % 3) * area + Math.floor(i / 3) : i
    data[at] = (value - mean) / scale
  })
}

/** A picture as its viewer sees it: upright, red, green and blue. */
export function openPicture(picture: string | Uint8Array) {
  return sharp(picture).autoOrient().toColourspace('srgb').flatten({ background: 'white' })
}

/** @throws Error naming the file that is no picture. */
export async function checkPicture(file: string): Promise<void> {
  try {
    await sharp(file).metadata()
  } catch (error) {
    throw new Error(`${file} does not open as a picture: ${(error as Error).message}`)
  }
}
