import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunMetrics, tensor } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { describe, expect, test } from 'vitest'
import { readDetections } from '../src/detections.js'
import { inputsOf } from '../src/inputs.js'
import { objectDetector } from '../src/models/detector.js'
import { fillImage, imageSize } from '../src/picture.js'
import { legend, overlap, table } from '../src/table.js'

const size = { width: 320, height: 240, planar: true }

describe('detections', () => {
  const output = 'bboxes-format:xyxysc;0:cat;2:dog'

  test('get their labels from the name of the output', () => {
    const rows = [0.1, 0.2, 0.3, 0.4, 0.9, 2, 0, 0, 1, 1, 0.5, 7]
    const found = readDetections({ [output]: tensor('float32', [2, 6], rows) }, size)
    expect(found.map(({ label }) => label)).toEqual(['dog', 'class 7'])
    expect(found[0]?.box[3]).toBeCloseTo(0.4)
  })

  test('may be in pixels of the model, and padded with zeros', () => {
    const rows = [32, 24, 160, 240, 0.9, 0, 0, 0, 0, 0, 0, 0]
    const found = readDetections({ [output]: tensor('float32', [2, 6], rows) }, size)
    expect(found.map(({ box }) => box)).toEqual([[0.1, 0.1, 0.5, 1]])
  })

  test('are asked for by name', () => {
    expect(() => readDetections({ scores: tensor('float32', [1, 4]) }, size)).toThrow('only scores')
  })
})

describe('pictures', () => {
  const red = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"><rect width="2" height="1" fill="#ff0000"/></svg>',
  )

  test.each([
    ['planes', [1, 3, 1, 2], [1, 1, 0, 0, 0, 0]],
    ['pixels', [1, 1, 2, 3], [1, 0, 0, 1, 0, 0]],
  ])('become %s', async (_, shape, expected) => {
    const image = tensor('float32', shape)
    await fillImage(image, red, { mean: 0, scale: 255 })
    expect([...image.data]).toEqual(expected)
  })

  test('have the size of the input', () => {
    expect(imageSize([1, 3, 240, 320])).toEqual({ width: 320, height: 240, planar: true })
    expect(imageSize([1, 240, 320, 3])).toEqual({ width: 320, height: 240, planar: false })
    expect(() => imageSize([1, 1, 28, 28])).toThrow('[1, 1, 28, 28]')
  })
})

test('inputs come from the model file where the runtime does not tell them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parallel-models-'))
  const file = join(folder, 'detector.onnx')
  await writeFile(file, encodeModel(objectDetector()))
  expect(await inputsOf({ inputs: [] }, file)).toEqual([
    { name: 'image-', dataType: 'float32', shape: [1, 240, 320, 3] },
    { name: 'nms_sensitivity-', dataType: 'float32', shape: [1] },
    { name: 'mask-', dataType: 'bool', shape: [240, 320] },
  ])
  await rm(folder, { recursive: true })
})

describe('the table', () => {
  const report = (startedAt: number, endedAt: number) => {
    const metrics: RunMetrics = {
      ...{ job: 1, device: 'mock:0', core: 'NPU_0', submittedAt: 0, settledAt: endedAt },
      ...{ startedAt, endedAt },
    }
    const device = { id: 'mock:0', name: 'Simulated NPU' }
    return {
      model: 'model',
      device,
      metrics,
      detections: [{ label: 'cat', score: 1, box: [0, 0, 1, 1] }],
    } as const
  }

  test('counts time from the first start', () => {
    expect(table([report(100, 105.5), report(102, 112)])).toBe(
      [
        'device  core   model  start   end    ms  found',
        'mock:0  NPU_0  model    0.0   5.5   5.5  1 × cat',
        'mock:0  NPU_0  model    2.0  12.0  10.0  1 × cat',
      ].join('\n'),
    )
  })

  test('comes with a line for each device', () => {
    expect(legend([report(100, 105.5), report(102, 112)])).toBe('mock:0 is Simulated NPU.')
  })

  test('tells for how long both ran', () => {
    expect(overlap([report(100, 105.5), report(102, 112)])).toContain('at the same time for 3.5 ms')
    expect(overlap([report(100, 102), report(102, 112)])).toContain('One ran after the other')
  })
})
