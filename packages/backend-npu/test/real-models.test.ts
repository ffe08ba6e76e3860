import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { npu } from '@xpu-hal/backend-npu'
import { ort } from '@xpu-hal/backend-ort'
import { createHal, type Outputs, type Tensor, tensor } from '@xpu-hal/core'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { ort_library, reference } from './reference.js'

const examples = fileURLToPath(new URL('../../../../shared/data/oaax-examples/', import.meta.url))
const files = existsSync(examples)
if (!files) console.log('skipped: the real models and pictures are not in ../shared/data/oaax-examples')

/** Red, green and blue of each pixel, 0 to 255, of a picture stretched to that size. */
async function pixelsOf(picture: string, width: number, height: number): Promise<number[]> {
  const image = sharp(`${examples}${picture}`).resize(width, height, { fit: 'fill' }).removeAlpha()
  return [...(await image.toColourspace('srgb').raw().toBuffer())]
}

async function faces(picture: string): Promise<Record<string, Tensor>> {
  const [width, height] = [320, 240]
  const pixels = await pixelsOf(picture, width, height)
  const image = tensor('float32', [1, 3, height, width])
  pixels.forEach((value, i) => {
    image.data[(i % 3) * width * height + Math.floor(i / 3)] = (value - 127) / 128
  })
  return { 'image-': image, 'nms_sensitivity-': tensor('float32', [1], [0.5]) }
}

async function gauge(picture: string): Promise<Record<string, Tensor>> {
  const pixels = await pixelsOf(picture, 224, 224)
  const values = pixels.map((value) => value / 127.5 - 1)
  return { 'image-': tensor('float32', [1, 224, 224, 3], values) }
}

/** What the model answers through the reference runtime, and through ONNX Runtime itself. */
async function both(
  library: string,
  model: string,
  inputs: Record<string, Tensor>,
): Promise<[Outputs, Outputs]> {
  const backends = [npu({ library, args: { ort_library } }), ort()]
  await using hal = createHal({ backends })
  const answer = async (device: string) => {
    const engine = await hal.openEngine(`${examples}${model}`, { devices: [device] })
    return engine.run(inputs)
  }
  return [await answer('npu'), await answer('ort')]
}

function numbers(outputs: Outputs): number[] {
  const [output] = Object.values(outputs)
  if (!(output?.data instanceof Float32Array)) throw new Error('the first output is not float32')
  return [...output.data]
}

describe.each(['current', 'older'] as const)('real models on the reference runtime, %s form', (form) => {
  const library = reference(form) ?? ''
  const it = test.skipIf(library === '' || !files)

  it('the face locator finds the 12 faces, to the bit as ONNX Runtime does', async () => {
    const [ours, theirs] = await both(library, 'face-locator.onnx', await faces('faces.jpg'))
    expect(ours).toEqual(theirs)
    const output = ours['bboxes-format:xyxysc;0:face']
    expect(output?.shape).toEqual([12, 6])
    const rows = Array.from({ length: 12 }, (_, i) => numbers(ours).slice(i * 6, i * 6 + 6))
    for (const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, score, face] of rows) {
      expect(x1).toBeLessThan(x2)
      expect(y1).toBeLessThan(y2)
      expect(Math.min(x1, y1)).toBeGreaterThanOrEqual(0)
      expect(Math.max(x2, y2)).toBeLessThanOrEqual(1)
      expect(score).toBeGreaterThan(0.5)
      expect(face).toBe(0)
    }
  })

  it.each([
    ['gauge-class-1.jpg', [1, 0, 0, 0]],
    ['gauge-class-3.jpg', [0, 0, 1, 0]],
  ])('the gauge reader tells the class of %s, to the bit as ONNX Runtime does', async (picture, expected) => {
    const [ours, theirs] = await both(library, 'gauge-reader.onnx', await gauge(picture))
    expect(ours).toEqual(theirs)
    expect(numbers(ours).map(Math.round)).toEqual(expected)
  })
})
