import { constants, mkdtempSync, rmSync } from 'node:fs'
import { access, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gaugeModel } from './model.js'
import { drawGauge } from './pictures.js'

const BYTES_PER_UNIT = 800
const PICTURES = 8

export interface Assets {
  readonly model: string
  readonly images: readonly string[]
}

/** A model with that many megabytes of weights and pictures for it, in a folder that goes when the program ends. */
export async function makeAssets(megabytes: number): Promise<Assets> {
  const folder = mkdtempSync(join(tmpdir(), 'xpu-hal-gauges-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const model = join(folder, 'gauge.onnx')
  await writeFile(model, gaugeModel(Math.ceil((megabytes * 1e6) / BYTES_PER_UNIT)))
  const images = Array.from({ length: PICTURES }, async (_, i) => {
    const file = join(folder, `gauge-${i}.jpg`)
    // Never between two quarters.
    await writeFile(file, await drawGauge(20 + (i * 360) / PICTURES))
    return file
  })
  return { model, images: await Promise.all(images) }
}

/** So many pictures: the images in turn. @throws Error naming the first image that cannot be read */
export async function picturesFrom(images: readonly string[], count: number): Promise<string[]> {
  for (const image of images) {
    await access(image, constants.R_OK).catch((cause) => {
      throw new Error(`--image ${image} cannot be read: ${cause.code}`, { cause })
    })
  }
  return Array.from({ length: count }, (_, i) => images[i % images.length] as string)
}
