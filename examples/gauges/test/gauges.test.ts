import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ort } from '@xpu-hal/backend-ort'
import { createHal } from '@xpu-hal/core'
import { encodeModel } from '@xpu-hal/onnx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compare } from '../src/answers.js'
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

test('answers are compared by picture, up to rounding', () => {
  const read = (picture: number, ...scores: number[]) => {
    return { picture, reading: { label: '', scores, preprocess: 1, run: 1, postprocess: 1 } }
  }
  const answers = [read(0, 0.1, 0.9), { picture: 1, error: 'no picture' }]
  expect(compare(answers, answers.toReversed())).toEqual({
    same: true,
    text: 'The results are the same, to the bit.',
  })
  expect(compare(answers, [read(0, 0.100001, 0.9), ...answers.slice(1)]).text).toContain('up to 1e-6')
  expect(compare(answers, [read(0, 0.2, 0.8), ...answers.slice(1)]).same).toBe(false)
  expect(compare(answers, [read(0, 0.1, 0.9), { picture: 1, error: 'something else' }]).same).toBe(false)
  expect(compare(answers, answers.slice(1)).same).toBe(false)
  expect(compare(answers.slice(1), answers).same).toBe(false)
})
