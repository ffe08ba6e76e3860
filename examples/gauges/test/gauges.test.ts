import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ort } from '@xpu-hal/backend-ort'
import { createHal } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLASSES, gaugeModel } from '../src/model.js'
import { drawGauge } from '../src/pictures.js'
import { Predictor } from '../src/predictor.js'
import { table } from '../src/table.js'

const folder = mkdtempSync(join(tmpdir(), 'gauges-'))
const hal = createHal({ backends: [ort()] })
const pictures: { file: string; degrees: number }[] = []

beforeAll(async () => {
  for (let degrees = 4; degrees < 360; degrees += 8) {
    const file = join(folder, `${degrees}.jpg`)
    await writeFile(file, await drawGauge(degrees))
    pictures.push({ file, degrees })
  }
})

afterAll(async () => {
  await hal.close()
  rmSync(folder, { recursive: true })
})

describe('gauges', () => {
  test.each([64, 20_000])('are read all around the dial, with %d units', async (units) => {
    const predictor = new Predictor(await hal.openEngine(gaugeModel(units)))
    for (const { file, degrees } of pictures) {
      const { label, scores } = await predictor.predict(file)
      expect(label, `${degrees} degrees`).toBe(CLASSES[Math.floor(degrees / 90)])
      expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1)
    }
  })

  test('a model that takes something else is refused', async () => {
    const value = { dataType: 'float32', shape: [1, 3, 8, 8] } as const
    const model = encodeModel({
      opset: 17,
      graph: {
        name: 'other',
        inputs: [{ name: 'x', ...value }],
        outputs: [{ name: 'y', ...value }],
        nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
      },
    })
    const engine = await hal.openEngine(model)
    expect(() => new Predictor(engine)).toThrow('float32 [1,3,8,8]')
  })
})

test('columns stand under each other', () => {
  expect(
    table([
      ['a', 'bcd'],
      ['efg', 'h'],
    ]),
  ).toBe('a    bcd\nefg    h')
})
