import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeModel } from '@xpu-hal/onnx'
import { objectDetector } from './models/detector.js'
import { faceLocator } from './models/locator.js'
import { drawLots, paint } from './scene.js'

const SEED = 1678

export interface Assets {
  readonly image: string
  readonly models: readonly [string, string]
}

/** Makes the two models and the picture of the demo. They come out the same every time. */
export async function makeAssets(folder: string): Promise<Assets> {
  await mkdir(folder, { recursive: true })
  const write = async (name: string, bytes: Uint8Array) => {
    const file = join(folder, name)
    const draft = `${file}.${process.pid}`
    await writeFile(draft, bytes)
    await rename(draft, file) // At once, for whoever reads the old one.
    return file
  }
  return {
    image: await write('scene.jpg', await paint(drawLots(SEED))),
    models: [
      await write('face-locator.onnx', encodeModel(faceLocator())),
      await write('object-detector.onnx', encodeModel(objectDetector())),
    ],
  }
}
