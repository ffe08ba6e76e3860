import { readFile } from 'node:fs/promises'
import { type Engine, type Tensor, type TensorInfo, tensor } from '@xpu-hal/core'
import { decodeModel } from '@xpu-hal/onnx'
import { fillImage, type ImageSize, imageSize, type PixelFormat } from './picture.js'

/** Boxes that share more than this part of their area count as one and the same object. */
const NMS_SENSITIVITY = 0.5

export type NamedTensors = Readonly<Record<string, Tensor>>

/** The inputs of a model, as the runtime tells them, or as its file does where the runtime does not. */
export async function inputsOf(engine: Pick<Engine, 'inputs'>, file: string): Promise<readonly TensorInfo[]> {
  if (engine.inputs.length > 0) return engine.inputs
  const { inputs } = decodeModel(await readFile(file)).graph
  return inputs.map(({ name, dataType, shape = [] }) => ({
    name,
    dataType,
    shape: shape.map((size) => (typeof size === 'number' ? size : -1)),
  }))
}

/** A tensor for each input, by the names that the inputs of such models have. */
export async function prepareInputs(
  inputs: readonly TensorInfo[],
  picture: string | Uint8Array,
  pixels: PixelFormat,
): Promise<NamedTensors> {
  const entries = inputs.map(async (info) => [info.name, await prepareInput(info, picture, pixels)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

async function prepareInput(
  { name, shape }: TensorInfo,
  picture: string | Uint8Array,
  pixels: PixelFormat,
): Promise<Tensor> {
  if (name.startsWith('image-')) {
    const image = tensor('float32', shape)
    await fillImage(image, picture, pixels)
    return image
  }
  if (name.startsWith('nms_sensitivity-')) return tensor('float32', [1], [NMS_SENSITIVITY])
  if (name.startsWith('mask-')) {
    const mask = tensor('bool', shape)
    mask.data.fill(1) // Every pixel counts.
    return mask
  }
  throw new Error(`the model has an input that this example does not know: '${name}'`)
}

export function imageSizeOf(inputs: NamedTensors): ImageSize {
  const [, image] = Object.entries(inputs).find(([name]) => name.startsWith('image-')) ?? []
  if (image === undefined) throw new Error("the model has no input 'image-'")
  return imageSize(image.shape)
}
